/** How many keys may do something disruptive at the same time, over all controllers of a process. */
export class RollBudget {
  readonly #limit: number;
  readonly #holders = new Set<string>();
  readonly #waiting = new Set<string>();
  readonly #onFree: (key: string) => void;

  /** `onFree` is called with the key whose turn may have come. */
  constructor(limit: number, onFree: (key: string) => void) {
    this.#limit = limit;
    this.#onFree = onFree;
  }

  holds(key: string): boolean {
    return this.#holders.has(key);
  }

  /** Whether `key` may go on; if not, it is called when somebody leaves. */
  enter(key: string): boolean {
    if (!this.#holders.has(key) && this.#holders.size >= this.#limit) {
      this.#waiting.add(key);
      return false;
    }
    this.#waiting.delete(key);
    this.#holders.add(key);
    return true;
  }

  leave(key: string): void {
    this.#waiting.delete(key);
    this.#holders.delete(key);
    const next = this.#waiting.values().next().value;
    if (next === undefined || this.#holders.size >= this.#limit) return;
    // Asked once: it enters, or says by leaving that the turn is the next one's.
    this.#waiting.delete(next);
    this.#onFree(next);
  }
}
