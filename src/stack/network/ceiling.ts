import type { Clock } from '../../base/clock.ts';
import { type Rate, TokenBucket } from '../../base/tokenBucket.ts';

/** Messages a second that a number gets through. Source: docs/onprem/api-messaging.md §9.3. */
export const CEILINGS = { oneShard: 70, moreShards: 250 } as const;

/** No source gives the burst: one second's worth is assumed. */
const rateOf = (perSecond: number): Rate => ({ perSecond, burst: perSecond });
const RATES = { oneShard: rateOf(CEILINGS.oneShard), moreShards: rateOf(CEILINGS.moreShards) };

/** Holds a number to the throughput that WhatsApp allows it; messages that wait queue up in its Coreapps. */
export class Ceiling {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when it is this message's turn. */
  turn(number: string, shards: number, signal: AbortSignal): Promise<void> {
    const rate = shards > 1 ? RATES.moreShards : RATES.oneShard;
    const bucket = this.#buckets.get(number) ?? new TokenBucket(this.#clock, rate);
    this.#buckets.set(number, bucket);
    bucket.adjust(rate);
    return bucket.take(signal);
  }
}
