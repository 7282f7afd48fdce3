import type { Clock } from '../../base/clock.ts';

/** Requests a second, and at once. Source: docs/onprem/api-admin.md §18. Counted by each Webapp for itself. */
const RATE_LIMITS = {
  messages: { sustained: 50, burst: 150 },
  others: { sustained: 20, burst: 60 },
} as const;

/** One token bucket for each endpoint. */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a request to this endpoint is within its limits. */
  allows(endpoint: string): boolean {
    const { sustained, burst } = endpoint === '/v1/messages' ? RATE_LIMITS.messages : RATE_LIMITS.others;
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(endpoint) ?? { tokens: burst, atMs: now };
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.atMs) / 1000) * sustained);
    bucket.atMs = now;
    this.#buckets.set(endpoint, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
