/** Exponential back-off with jitter: `attempt` 0 waits about `baseMs`, and no wait exceeds `capMs`. */
export interface BackoffPolicy {
  readonly baseMs: number;
  readonly capMs: number;
  /** Share of the delay that is random, 0 to 1. */
  readonly jitter: number;
}

export function backoffMs(policy: BackoffPolicy, attempt: number, random: () => number): number {
  // 2^31 is beyond any cap; a larger exponent would only overflow.
  const delay = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(attempt, 31));
  return delay * (1 - policy.jitter + policy.jitter * random());
}
