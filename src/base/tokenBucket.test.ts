import { describe, expect, it } from 'vitest';
import { TokenBucket } from './tokenBucket.ts';
import { VirtualClock } from './virtualClock.ts';

const never = new AbortController().signal;

describe('a token bucket', () => {
  it('lets a burst go at once and refuses the rest until it refills', async () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(clock, { burst: 3, perSecond: 2 });
    const allowed = () => [1, 2, 3, 4].filter(() => bucket.tryTake()).length;
    expect(allowed()).toBe(3);
    await clock.advance(499);
    expect(allowed()).toBe(0);
    await clock.advance(1);
    expect(allowed()).toBe(1);
    await clock.advance(60_000);
    expect(allowed()).toBe(3);
  });

  it('lets waiting callers go one by one, in order of arrival', async () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(clock, { burst: 1, perSecond: 10 });
    const gone: string[] = [];
    for (const name of ['a', 'b', 'c'])
      void bucket.take(never).then(() => gone.push(`${name} ${clock.now()}`));
    await clock.advance(1000);
    expect(gone).toEqual(['a 0', 'b 100', 'c 200']);
  });

  it('keeps the wait of the next caller when its rate changes', async () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(clock, { burst: 1, perSecond: 1 });
    const gone: number[] = [];
    for (let index = 0; index < 3; index++) void bucket.take(never);
    bucket.adjust({ burst: 10, perSecond: 10 });
    void bucket.take(never).then(() => gone.push(clock.now()));
    await clock.advance(10_000);
    expect(gone).toEqual([2100]);
  });
});
