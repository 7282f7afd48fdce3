import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fairShare } from './fairShare.ts';

it('divides all shards into shares that differ by at most one, whoever holds what', () => {
  const replica = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  fc.assert(
    fc.property(
      fc.array(fc.option(replica, { nil: undefined }), { minLength: 1, maxLength: 20 }),
      fc.uniqueArray(replica, { minLength: 1 }),
      (holders, live) => {
        const shares = live.map((one) => fairShare(one, holders, live));
        expect(shares.reduce((sum, share) => sum + share)).toBe(holders.length);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      },
    ),
  );
});

it('leaves shards where they are, if the shares are fair already', () => {
  const holders = ['b', 'b', 'a', 'c'];
  expect(['a', 'b', 'c'].map((one) => fairShare(one, holders, ['a', 'b', 'c']))).toEqual([1, 2, 1]);
});
