import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtualClock.ts';
import { Reporter } from './reporter.ts';

describe('a reporter', () => {
  it('sends together what comes together, and counts what it leaves out under a load', async () => {
    const clock = new VirtualClock();
    const sent: [number, number][] = [];
    let made = 0;
    const reporter = new Reporter<number>({
      clock,
      send: (reports, skipped) => {
        sent.push([reports.length, skipped]);
        throw new Error('nobody listens');
      },
    });
    const report = () => {
      made += 1;
      return made;
    };
    reporter.report(report);
    reporter.report(report);
    await clock.advance(1_000);
    expect(sent).toEqual([[2, 0]]);
    for (let index = 0; index < 2_500; index++) reporter.report(report);
    await clock.advance(1_000);
    expect(sent[1]).toEqual([2_000, 500]);
    expect(made).toBe(2_002);
  });
});
