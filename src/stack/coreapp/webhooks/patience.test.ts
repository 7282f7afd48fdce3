import { describe, expect, it } from 'vitest';
import { delayAfter, hasGivenUp } from './patience.ts';

const DAY = 24 * 3600;
const DELAYS = [
  { backoffMs: 3_000, maxBackoffMs: 900_000 },
  { backoffMs: 100, maxBackoffMs: 1_000 },
  { backoffMs: 60_000, maxBackoffMs: 30_000 },
];

describe('the patience with a receiver', () => {
  it.each(DELAYS)('ends a day after a callback was stored (%o)', (delays) => {
    for (const secondsPerAttempt of [0, 20]) {
      let attempts = 0;
      let ageSeconds = 0;
      while (!hasGivenUp({ attempts, ageSeconds }, delays)) {
        ageSeconds += secondsPerAttempt;
        attempts += 1;
        ageSeconds += delayAfter(attempts, delays) / 1000;
      }
      expect(ageSeconds).toBeGreaterThan(DAY);
      expect(ageSeconds).toBeLessThan(DAY + 1_000);
    }
  });

  it.each(DELAYS)('does not end when the clock of the database jumps ahead or back (%o)', (delays) => {
    for (const ageSeconds of [DAY + 1, 365 * DAY, -DAY])
      expect(hasGivenUp({ attempts: 10, ageSeconds }, delays)).toBe(false);
  });
});
