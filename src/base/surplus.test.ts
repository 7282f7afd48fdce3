import { describe, expect, it } from 'vitest';
import { surplus } from './surplus.ts';

describe('the surplus of a set', () => {
  const upTo = (count: number) => new Set(Array.from({ length: count }, (_, index) => index + 1));

  it('is its oldest keys, once a tenth more than the most are there', () => {
    expect(surplus(upTo(12), 10)).toEqual([1, 2]);
  });

  it('is nothing before', () => {
    expect([surplus(upTo(11), 10), surplus(upTo(3), 10)]).toEqual([[], []]);
  });
});
