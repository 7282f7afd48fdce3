import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtualClock.ts';
import { CEILINGS, Ceiling } from './ceiling.ts';

const never = new AbortController().signal;

/** How many of 2,000 messages got through in ten seconds. */
async function through(shards: number): Promise<number> {
  const clock = new VirtualClock(100_000);
  const ceiling = new Ceiling(clock);
  let count = 0;
  for (let index = 0; index < 5_000; index++)
    void ceiling.turn('16315551000', shards, never).then(() => {
      count += 1;
    });
  await clock.advance(10_000);
  return count;
}

describe('the throughput of a number', () => {
  it('is what one shard gets, or several, after a burst of a second', async () => {
    expect(await through(1)).toBe(11 * CEILINGS.oneShard);
    expect(await through(4)).toBe(11 * CEILINGS.moreShards);
  });
});
