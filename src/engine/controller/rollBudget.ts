/** Limits how many keys do something disruptive at the same time, over all controllers of a process. */
export class RollBudget {
  readonly #limit: () => number;
  readonly #holders = new Set<string>();
  readonly #waiting = new Set<string>();
  readonly #onFree: (key: string) => void;

  /** `onFree` gets the key that may now enter. */
  constructor(limit: () => number, onFree: (key: string) => void) {
    this.#limit = limit;
    this.#onFree = onFree;
  }

  holds(key: string): boolean {
    return this.#holders.has(key);
  }

  /** Whether `key` may go on. If not, `onFree` gets it when another key leaves. */
  enter(key: string): boolean {
    if (!this.#holders.has(key) && this.#holders.size >= this.#limit()) {
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
    if (next === undefined || this.#holders.size >= this.#limit()) return;
    // Called once: the key enters, or leaves and so passes its turn on.
    this.#waiting.delete(next);
    this.#onFree(next);
  }
}
