import { Cron } from 'croner';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isWithin, quantityOf } from './quantity.ts';
import { CRON } from './schedule.ts';

const reads = (text: string): boolean => {
  try {
    new Cron(text, { paused: true });
    return true;
  } catch {
    return false;
  }
};

describe('a schedule that the CRD accepts', () => {
  it('is a cron expression, unless a range ends before it begins', () => {
    fc.assert(
      fc.property(fc.stringMatching(new RegExp(CRON)), (text) => {
        const hasRange = /[0-9A-Za-z]-/.test(text);
        return hasRange || reads(text);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    '0 3 * * *',
    '*/15 8-18 1,15 jan-jun MON-fri',
    '0 0 L * *',
    '0 0 * * 0',
    '0 0 * * 7',
    '5,10-20/2 * * * *',
  ])('may be %s', (text) => {
    expect([new RegExp(CRON).test(text), reads(text)]).toEqual([true, true]);
  });
});

describe('a quantity', () => {
  it.each([
    ['1', 1],
    [2, 2],
    ['500m', 0.5],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['.5', 0.5],
    ['5.', 5],
    ['1e3', 1000],
    ['1E', 1e18],
    ['-1', -1],
  ])('%s is %d', (text, value) => {
    expect(quantityOf(text)).toBeCloseTo(value);
  });

  it.each(['10GB', '1Gib', '', '.', '1e', ' 1', '1 Gi', 'Gi', '1KI', '1K'])('is not "%s"', (text) => {
    expect(quantityOf(text)).toBeUndefined();
  });

  it('is compared by its value', () => {
    expect([
      isWithin('1500m', 2),
      isWithin('1500m', 1),
      isWithin('1Gi', '1G'),
      isWithin(undefined, 1),
    ]).toEqual([true, false, false, true]);
  });
});
