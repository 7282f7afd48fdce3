import { expect, it } from 'vitest';
import { pooledRandomBytes } from './randomPool.ts';

it('random bytes of a pool are never given twice, also where one pool ends and the next begins', () => {
  const given = Array.from({ length: 2_000 }, () => pooledRandomBytes(9).toString('hex'));
  expect(new Set(given).size).toBe(2_000);
  expect(given.every((text) => text.length === 18)).toBe(true);
  expect(pooledRandomBytes(10_000)).toHaveLength(10_000);
});
