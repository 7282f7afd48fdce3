import { describe, expect, it } from 'vitest';
import { RollBudget } from './rollBudget.ts';

describe('the roll budget', () => {
  it('lets in as many as it has, and calls the next when one leaves', () => {
    const called: string[] = [];
    const budget = new RollBudget(
      () => 2,
      (key) => called.push(key),
    );
    expect(['a', 'b', 'c', 'd'].map((key) => budget.enter(key))).toEqual([true, true, false, false]);
    expect(budget.enter('a')).toBe(true);
    budget.leave('a');
    expect(called).toEqual(['c']);
    expect(budget.enter('c')).toBe(true);
    expect(budget.holds('c')).toBe(true);
    expect(budget.enter('d')).toBe(false);
  });

  it('passes the turn on when the one called no longer wants it', () => {
    const called: string[] = [];
    const budget = new RollBudget(
      () => 1,
      (key) => called.push(key),
    );
    for (const key of ['a', 'b', 'c']) budget.enter(key);
    budget.leave('a');
    budget.leave('b');
    expect(called).toEqual(['b', 'c']);
  });
});
