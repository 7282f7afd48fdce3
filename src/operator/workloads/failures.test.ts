import { describe, expect, it } from 'vitest';
import { CodedError } from '../../base/codedError.ts';
import { Failures } from './failures.ts';

const race = new CodedError('Conflict', 'another process wrote first');
const hiccup = new CodedError('Transport', 'no answer', { retriable: true });
const bug = new TypeError('undefined is not a function');

const worthTelling = (...errors: readonly unknown[]) => {
  const failures = new Failures();
  return errors.map((error) => failures.isWorthTelling('a/b', error));
};

describe('an error of a pass', () => {
  it('is told at once, or the second time if a retry may help', () => {
    expect(worthTelling(bug)).toEqual([true]);
    expect(worthTelling(hiccup, hiccup)).toEqual([false, true]);
  });

  it('is no news if another process was faster, unless that happens again and again', () => {
    expect(worthTelling(...Array(7).fill(race))).toEqual([...Array(6).fill(false), true]);
  });

  it('counts anew after a pass without one', () => {
    const failures = new Failures();
    failures.isWorthTelling('a/b', hiccup);
    failures.forget('a/b');
    expect(failures.isWorthTelling('a/b', hiccup)).toBe(false);
  });
});
