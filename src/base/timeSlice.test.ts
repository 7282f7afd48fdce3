import { describe, expect, it } from 'vitest';
import { systemClock } from './clock.ts';
import { TimeSlice } from './timeSlice.ts';
import { VirtualClock } from './virtualClock.ts';

describe('a time slice', () => {
  it('lets others run in the middle of work that never waits', async () => {
    const slice = new TimeSlice(systemClock);
    let turns = 0;
    const count = () => {
      turns += 1;
      if (turns < 1000) setImmediate(count);
    };
    setImmediate(count);
    // A busy machine takes its time; a slice that never ends takes all of it.
    const endsAt = performance.now() + 5_000;
    while (turns <= 2 && performance.now() < endsAt) {
      const pause = slice.pause();
      if (pause) await pause;
    }
    expect(turns).toBeGreaterThan(2);
  });

  it('is no reason to pause while it lasts', async () => {
    const clock = new VirtualClock();
    const slice = new TimeSlice(clock);
    expect(slice.pause()).toBeUndefined();
    await clock.advance(5);
    await slice.pause();
    expect(slice.pause()).toBeUndefined();
  });
});
