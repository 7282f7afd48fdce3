import { type Clock, sleep } from './clock.ts';

export interface Rate {
  /** How many may go at once after a pause. */
  readonly burst: number;
  readonly perSecond: number;
}

/** Limits a rate: `burst` at once, then `perSecond`. It starts full. */
export class TokenBucket {
  readonly #clock: Clock;
  #rate: Rate;
  /** Below zero while callers wait. */
  #tokens: number;
  #refilledAt: number;

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#refilledAt = clock.monotonic();
  }

  /** Resolves when the caller may go; callers go in order of arrival, because each takes its token at once. */
  async take(signal: AbortSignal): Promise<void> {
    this.#refill();
    this.#tokens -= 1;
    if (this.#tokens < 0) await sleep(this.#clock, (-this.#tokens / this.#rate.perSecond) * 1000, signal);
  }

  /** Whether the caller may go now; a refused caller takes no token. */
  tryTake(): boolean {
    this.#refill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Changes the rate. The share of the burst that is left stays the same, and so does the wait of the next caller. */
  adjust(rate: Rate): void {
    if (rate === this.#rate) return;
    this.#refill();
    this.#tokens *= rate.perSecond / this.#rate.perSecond;
    this.#rate = rate;
  }

  #refill(): void {
    const now = this.#clock.monotonic();
    const refill = ((now - this.#refilledAt) / 1000) * this.#rate.perSecond;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + refill);
    this.#refilledAt = now;
  }
}
