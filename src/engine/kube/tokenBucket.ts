import { type Clock, sleep } from '../../base/clock.ts';

/** Client-side rate limit: `burst` requests at once, then `perSecond`, served in order of arrival. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #refilledAt: number;

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#refilledAt = clock.monotonic();
  }

  /** Resolves when the caller may go; the token is taken at once, so that waiting callers queue up. */
  async take(signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    const refill = ((now - this.#refilledAt) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#burst, this.#tokens + refill) - 1;
    this.#refilledAt = now;
    if (this.#tokens < 0) await sleep(this.#clock, (-this.#tokens / this.#perSecond) * 1000, signal);
  }
}
