import { type Clock, sleep } from '../../base/clock.ts';

/** Messages a second that a number gets through. Source: docs/onprem/api-messaging.md §9.3. */
export const CEILINGS = { oneShard: 70, moreShards: 250 } as const;
/** Not found in any source: the burst. */
const BURST_SECONDS = 1;

/** Slows a number down to the throughput of WhatsApp. The messages that wait queue up in its Coreapps. */
export class Ceiling {
  readonly #clock: Clock;
  /** When the next message of a number has its turn, by the monotonic clock. */
  readonly #next = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when it is this message's turn. */
  async turn(number: string, shards: number, signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    const perSecond = shards > 1 ? CEILINGS.moreShards : CEILINGS.oneShard;
    const at = Math.max(this.#next.get(number) ?? 0, now - BURST_SECONDS * 1000) + 1000 / perSecond;
    this.#next.set(number, at);
    if (at > now) await sleep(this.#clock, at - now, signal);
  }
}
