import { describe, expect, it } from 'vitest';
import { Deadlines } from './deadlines.ts';
import { VirtualClock } from './virtualClock.ts';

describe('deadlines', () => {
  it('tell of each task that is late, when it is, and of none that is done', async () => {
    const clock = new VirtualClock();
    const late: string[] = [];
    const deadlines = new Deadlines<string>(clock, (task) => late.push(`${task} at ${clock.monotonic()}`));
    const startMs = clock.monotonic();
    deadlines.add('long', 300);
    deadlines.add('done', 100);
    deadlines.add('short', 200);
    deadlines.delete('done');
    await clock.advance(150);
    deadlines.add('later', 300);
    await clock.advance(1_000);
    expect(late).toEqual(
      [
        ['short', 200],
        ['long', 300],
        ['later', 450],
      ].map(([task, ms]) => `${task} at ${startMs + Number(ms)}`),
    );
  });

  it('are over when they are closed', async () => {
    const clock = new VirtualClock();
    const late: string[] = [];
    const deadlines = new Deadlines<string>(clock, (task) => late.push(task));
    deadlines.add('a', 100);
    deadlines.close();
    await clock.advance(1_000);
    deadlines.add('b', 100);
    await clock.advance(1_000);
    expect(late).toEqual(['b']);
  });
});
