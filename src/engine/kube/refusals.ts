import type { Clock } from '../../base/clock.ts';
import { ApiError } from './apiError.ts';
import { type BackoffPolicy, backoffMs } from './backoff.ts';

/** How long a request that was refused is not sent again while nothing about it changes. */
const REFUSED: BackoffPolicy = { baseMs: 2_000, capMs: 30_000, jitter: 0 };

/** Statuses after which the same request may succeed at once: the queue of the controller spaces these. */
const TRANSIENT = new Set([401, 408, 409, 410, 429]);

/** How refusals are remembered. */
export interface RefusalRules {
  /** Whether the same request would be refused again. */
  readonly isLasting: (error: unknown) => boolean;
  /** How long it is not sent again, after so many refusals in a row, from 1. */
  readonly delayMs: (failures: number, error: unknown) => number;
  /** What is thrown until then. */
  readonly told?: (error: unknown, delayMs: number) => unknown;
}

interface Refusal {
  readonly state: string;
  readonly error: unknown;
  readonly untilMs: number;
  readonly failures: number;
}

const isLasting = (error: unknown): boolean =>
  error instanceof ApiError && error.status >= 400 && error.status < 500 && !TRANSIENT.has(error.status);

const OF_API_SERVER: RefusalRules = {
  isLasting,
  delayMs: (failures) => backoffMs(REFUSED, failures - 1, () => 0),
};

/** Remembers requests that were refused: events of other objects cause passes, and each would send the same request again. */
export class Refusals {
  readonly #clock: Clock;
  readonly #rules: RefusalRules;
  readonly #refused = new Map<string, Refusal>();

  /** @param rules those for the Kubernetes API server unless given */
  constructor(clock: Clock, rules: RefusalRules = OF_API_SERVER) {
    this.#clock = clock;
    this.#rules = rules;
  }

  /**
   * Sends a request, or throws its last refusal again while that is recent and `stateOf`, which tells everything that the
   * answer depends on, says the same. It is called only for what was refused, because most requests are not.
   */
  async guard<T>(key: string, stateOf: () => string, send: () => Promise<T>): Promise<T> {
    const known = this.#refused.get(key);
    const last = known && known.state === stateOf() ? known : undefined;
    if (last && this.#clock.monotonic() < last.untilMs) throw last.error;
    try {
      const answer = await send();
      this.#refused.delete(key);
      return answer;
    } catch (cause) {
      const { isLasting, delayMs, told } = this.#rules;
      if (!isLasting(cause)) throw cause;
      const failures = (last?.failures ?? 0) + 1;
      const waitMs = delayMs(failures, cause);
      const error = told ? told(cause, waitMs) : cause;
      this.#refused.set(key, {
        state: stateOf(),
        error,
        untilMs: this.#clock.monotonic() + waitMs,
        failures,
      });
      throw error;
    }
  }
}
