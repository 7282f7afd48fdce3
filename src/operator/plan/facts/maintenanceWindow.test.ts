import { describe, expect, it } from 'vitest';
import { windowAt, windowProblem } from './maintenanceWindow.ts';

const window = (changes: object = {}) => ({
  schedule: '0 2 * * *',
  durationMinutes: 60,
  timeZone: 'Europe/Berlin',
  ...changes,
});
const at = (text: string) => Date.parse(text);

describe('a maintenance window', () => {
  it('is open from its start until its end, in its time zone', () => {
    expect(windowAt(window(), at('2026-03-01T01:00:00Z'))).toEqual({ isOpen: true });
    expect(windowAt(window(), at('2026-03-01T01:59:59Z'))).toEqual({ isOpen: true });
    expect(windowAt(window(), at('2026-03-01T02:00:00Z'))).toMatchObject({ isOpen: false });
  });

  it('says when it opens next, also over a change to summer time', () => {
    expect(windowAt(window(), at('2026-02-28T12:00:00Z'))).toEqual({
      isOpen: false,
      opensAtMs: at('2026-03-01T01:00:00Z'),
    });
    const afterChange = windowAt(window({ schedule: '0 4 * * *' }), at('2026-03-29T00:30:00Z'));
    expect(afterChange).toEqual({ isOpen: false, opensAtMs: at('2026-03-29T02:00:00Z') });
  });

  it('names what is wrong with it', () => {
    expect(windowProblem(window())).toBeUndefined();
    expect(windowProblem(window({ schedule: 'at night' }))).toContain('at night');
    expect(windowProblem(window({ timeZone: 'Europe/Nowhere' }))).toContain('Europe/Nowhere');
  });
});
