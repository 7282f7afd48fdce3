import type { Clock } from '../../base/clock.ts';
import { type Rate, TokenBucket } from '../../base/tokenBucket.ts';

/** Source: docs/onprem/api-admin.md §18. Each Webapp counts for itself. */
const RATE_LIMITS = {
  messages: { perSecond: 50, burst: 150 },
  others: { perSecond: 20, burst: 60 },
} as const satisfies Record<string, Rate>;

/** One token bucket for each endpoint. */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a request to this endpoint is within its limits. */
  allows(endpoint: string): boolean {
    const limit = endpoint === '/v1/messages' ? RATE_LIMITS.messages : RATE_LIMITS.others;
    const bucket = this.#buckets.get(endpoint) ?? new TokenBucket(this.#clock, limit);
    this.#buckets.set(endpoint, bucket);
    return bucket.tryTake();
  }
}
