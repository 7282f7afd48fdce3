import type { Clock } from '../../base/clock.ts';

/** Holds messages back for reasons that come and go. */
export class Holds {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #reasons = new Map<string, () => void>();
  #waiting: (() => void)[] = [];

  /** `signal` ends all waits. */
  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  /** Why nothing goes now. */
  get reasons(): string[] {
    return [...this.#reasons.keys()];
  }

  /** Holds for this reason until `release`, or for so long from now, whatever was asked before. */
  hold(reason: string, forMs?: number): void {
    this.#reasons.get(reason)?.();
    const cancel = forMs === undefined ? () => {} : this.#clock.after(forMs, () => this.release(reason));
    this.#reasons.set(reason, cancel);
  }

  release(reason: string): void {
    this.#reasons.get(reason)?.();
    this.#reasons.delete(reason);
    if (this.#reasons.size === 0) this.#wake();
  }

  /** Resolves when nothing holds. @throws the reason of the signal */
  async wait(): Promise<void> {
    this.#signal.throwIfAborted();
    while (this.#reasons.size > 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#signal.throwIfAborted();
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }
}
