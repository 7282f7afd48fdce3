import { describe, expect, it } from 'vitest';
import { durationMs, mergeLines, parseLines } from './logsCommand.ts';

describe('logs of several pods', () => {
  it('are merged by time, and lines of one pod keep their order', () => {
    const a = parseLines(
      'a',
      '2026-01-01T00:00:01.5Z one\n2026-01-01T00:00:03Z three\n2026-01-01T00:00:03Z four\n',
    );
    const b = parseLines('b', '2026-01-01T00:00:02Z two with words\n');
    expect(mergeLines([a, b]).map(({ text }) => text)).toEqual(['one', 'two with words', 'three', 'four']);
  });

  it('reach back by a duration with a unit', () => {
    expect([durationMs('30s'), durationMs('2h')]).toEqual([30_000, 7_200_000]);
    expect(() => durationMs('soon')).toThrow('like 10m');
  });
});
