import { describe, expect, it } from 'vitest';
import { BodyBudget } from './bodyBudget.ts';

const KB = 1024;

describe('the bodies of all requests', () => {
  it('hold no more than the budget, and those that ended leave room', () => {
    const budget = new BodyBudget(100 * KB);
    const [first, second] = [budget.share(), budget.share()];
    expect(first.hold(80 * KB)).toBe(true);
    expect(second.hold(60 * KB)).toBe(false);
    // What was refused is not held.
    expect(second.hold(40 * KB)).toBe(true);
    first.release();
    expect(second.hold(60 * KB)).toBe(true);
    second.release();
    second.release();
    expect(budget.share().hold(116 * KB)).toBe(true);
  });

  it('never stand in the way of texts', () => {
    const budget = new BodyBudget(100 * KB);
    expect(budget.share().hold(116 * KB)).toBe(true);
    for (let text = 0; text < 1_000; text++) expect(budget.share().hold(16 * KB)).toBe(true);
    expect(budget.share().hold(16 * KB + 1)).toBe(false);
  });
});
