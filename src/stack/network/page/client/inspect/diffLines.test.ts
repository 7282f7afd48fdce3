import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffLines } from './diffLines.ts';

const shown = (before: string, after: string) =>
  diffLines(before.split(' '), after.split(' '))
    .map(({ change, text }) => `${change[0]}${text}`)
    .join(' ');

describe('the difference of two texts', () => {
  it.each([
    ['a b c', 'a b c', 'sa sb sc'],
    ['a b c', 'a x c', 'sa rb ax sc'],
    ['a', 'a b', 'sa ab'],
    ['a b', 'b', 'ra sb'],
    ['a b c d', 'b d e', 'ra sb rc sd ae'],
  ])('of %j and %j is the smallest', (before, after, expected) => {
    expect(shown(before, after)).toBe(expected);
  });

  it('leads from the one to the other', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const diff = diffLines(before, after);
        const without = (change: string) =>
          diff.flatMap((line) => (line.change === change ? [] : [line.text]));
        expect([without('added'), without('removed')]).toEqual([before, after]);
      }),
    );
  });

  it('of very long texts is all of both', () => {
    const long = Array.from({ length: 2_100 }, () => 'x');
    expect(diffLines(long, long)).toHaveLength(4_200);
  });
});
