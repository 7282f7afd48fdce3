import { describe, expect, it } from 'vitest';
import { buildExpiry, judgeBuild } from './build.ts';

const DAY = 86_400_000;
const judged = (days: number) => {
  const { status, reason } = judgeBuild(days * DAY, 0);
  return [status, reason];
};

describe('a build', () => {
  it('causes a warning 30, 14 and 7 days before it expires, and is not current in the last week', () => {
    expect(judged(31)).toEqual(['True', 'Current']);
    expect(judged(30)).toEqual(['True', 'ExpiresIn30Days']);
    expect(judged(13)).toEqual(['True', 'ExpiresIn14Days']);
    expect(judged(7)).toEqual(['False', 'ExpiresIn7Days']);
    expect(judged(0)).toEqual(['False', 'Expired']);
  });

  it('of a stack expires when the first of its nodes expires', () => {
    const support = {
      a: { expire_timestamp: '2026-03-02T00:00:00' },
      b: { expire_timestamp: '2026-03-01T00:00:00' },
    };
    expect(buildExpiry(support)).toBe(Date.parse('2026-03-01T00:00:00Z'));
    expect(judgeBuild(buildExpiry({ c: {} }), 0).status).toBe('Unknown');
  });
});
