import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MovableClock } from './movableClock.ts';
import { Timetable } from './timetable.ts';
import { VirtualClock } from './virtualClock.ts';

describe('a timetable', () => {
  it('calls back in the order of time, and those of one time in the order in which they came', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20)), async (delays) => {
        const clock = new VirtualClock();
        const timetable = new Timetable(clock);
        const called: [number, number][] = [];
        const startMs = clock.monotonic();
        for (const [index, delay] of delays.entries())
          timetable.after(delay * 10, () => called.push([clock.monotonic() - startMs, index]));
        expect(timetable.size).toBe(delays.length);
        await clock.advance(1_000);
        const wanted = delays.map((delay, index): [number, number] => [delay * 10, index]);
        expect(called).toEqual(wanted.sort(([a, one], [b, other]) => a - b || one - other));
        expect(timetable.size).toBe(0);
      }),
    );
  });

  it('calls back what a callback adds, and what comes before all that waits', async () => {
    const clock = new VirtualClock();
    const timetable = new Timetable(clock);
    const called: string[] = [];
    timetable.after(100, () => called.push('late'));
    timetable.after(10, () => {
      called.push('first');
      timetable.after(0, () => called.push('added'));
    });
    await clock.advance(50);
    expect(called).toEqual(['first', 'added']);
    await clock.advance(50);
    expect(called).toEqual(['first', 'added', 'late']);
  });

  it('forgets everything when it is cleared, also in the middle of what is due', async () => {
    const clock = new VirtualClock();
    const timetable = new Timetable(clock);
    const called: string[] = [];
    timetable.after(10, () => {
      called.push('first');
      timetable.clear();
    });
    timetable.after(10, () => called.push('second'));
    timetable.after(20, () => called.push('third'));
    await clock.advance(100);
    timetable.after(10, () => called.push('later'));
    await clock.advance(100);
    expect(called).toEqual(['first', 'later']);
  });

  it('is moved with its clock', async () => {
    const base = new VirtualClock();
    const clock = new MovableClock(base);
    const timetable = new Timetable(clock);
    const called: string[] = [];
    timetable.after(3_600_000, () => called.push('an hour'));
    timetable.after(60_000, () => called.push('a minute'));
    clock.moveTo(3_600_000);
    await base.advance(0);
    expect(called).toEqual(['a minute', 'an hour']);
  });
});
