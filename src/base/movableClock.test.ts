import { describe, expect, it } from 'vitest';
import { MovableClock } from './movableClock.ts';
import { VirtualClock } from './virtualClock.ts';

describe('a clock that can be moved', () => {
  it('fires the timers that are due when it is moved, in their order, and the others so much earlier', async () => {
    const base = new VirtualClock(1_000);
    const clock = new MovableClock(base);
    const fired: string[] = [];
    for (const [name, delayMs] of [
      ['late', 7_200_000],
      ['second', 3_000],
      ['first', 1_000],
    ] as const)
      clock.after(delayMs, () => fired.push(name));
    clock.moveTo(3_600_000);
    await base.advance(0);
    expect(fired).toEqual(['first', 'second']);
    expect([clock.now(), clock.monotonic(), clock.movedMs]).toEqual([3_601_000, 3_601_000, 3_600_000]);
    await base.advance(3_599_000);
    expect(fired).toHaveLength(2);
    await base.advance(1_000);
    expect(fired).toEqual(['first', 'second', 'late']);
  });

  it('is moved once by orders that say the same, and never takes monotonic time back', async () => {
    const base = new VirtualClock();
    const clock = new MovableClock(base);
    for (const movedMs of [5_000, 5_000, 0]) clock.moveTo(movedMs);
    expect([clock.now(), clock.monotonic()]).toEqual([0, 5_000]);
  });

  it('fires no timer that was cancelled', async () => {
    const base = new VirtualClock();
    const clock = new MovableClock(base);
    clock.after(1_000, () => expect.unreachable())();
    clock.moveTo(2_000);
    await base.advance(5_000);
  });

  it('waits out a delay that is longer than a timer of the machine can be', async () => {
    const base = new VirtualClock();
    const impatient = {
      now: () => base.now(),
      monotonic: () => base.monotonic(),
      after: (delayMs: number, callback: () => void) => base.after(Math.min(delayMs, 1_000), callback),
    };
    const fired: number[] = [];
    new MovableClock(impatient).after(2_500, () => fired.push(base.now()));
    await base.advance(10_000);
    expect(fired).toEqual([2_500]);
  });
});
