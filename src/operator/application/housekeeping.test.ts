import { describe, expect, it } from 'vitest';
import { due } from './housekeeping.ts';

const at = (text: string) => Date.parse(`2026-03-01T${text}:00Z`);

describe('a schedule', () => {
  it('is due once its time has come since the last run, however many were missed', () => {
    expect(due('0 3 * * *', at('02:00'), at('02:59'))).toEqual({ isDue: false, nextMs: at('03:00') });
    expect(due('0 3 * * *', at('02:00'), at('03:00'))).toEqual({
      isDue: true,
      nextMs: at('03:00') + 86_400_000,
    });
    expect(due('0 * * * *', at('02:30'), at('09:10'))).toEqual({ isDue: true, nextMs: at('10:00') });
    expect(due('0 3 * * *', at('03:00'), at('03:01')).isDue).toBe(false);
  });
});
