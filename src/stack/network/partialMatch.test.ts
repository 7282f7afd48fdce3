import { describe, expect, it } from 'vitest';
import { difference } from './partialMatch.ts';

const body = {
  statuses: [
    { id: 'a', status: 'sent' },
    { id: 'b', status: 'read', type: 'message' },
  ],
};

describe('a partial match', () => {
  it.each([
    [{}],
    [{ statuses: [] }],
    [{ statuses: [{ status: 'read' }] }],
    [{ statuses: [{ id: 'b' }, { id: 'a', status: 'sent' }] }],
  ])('%j matches', (expected) => {
    expect(difference(expected, body)).toBeUndefined();
  });

  it.each([
    [{ statuses: [{ id: 'b', status: 'sent' }] }, 'statuses[0].id is "a", not "b"'],
    [{ messages: [{}] }, 'messages is absent, not a list'],
    [{ statuses: { id: 'a' } }, 'statuses is [{"id":"a"'],
    [{ statuses: ['a'] }, 'statuses[0] is {"id":"a","status":"sent"}, not "a"'],
  ])('%j does not match, and the first difference is told', (expected, told) => {
    expect(difference(expected, body)).toContain(told);
  });

  it('tells of an empty list that it is empty', () => {
    expect(difference({ errors: [{ code: 1 }] }, { errors: [] })).toBe('errors is empty');
  });
});
