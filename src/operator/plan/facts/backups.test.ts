import { expect, it } from 'vitest';
import { datedName } from './backups.ts';

it('the name of a backup has its time, and fits also behind the longest name of a stack', () => {
  const at = Date.parse('2026-11-27T03:04:05.678Z');
  expect(datedName('shop', at)).toBe('shop-20261127-0304');
  expect(datedName('shop', at, true)).toBe('shop-20261127-030405');
  expect(datedName('a'.repeat(40), at)).toBe(`${'a'.repeat(38)}-20261127-0304`);
  expect(datedName(`${'a'.repeat(35)}-bcde`, at, true)).toBe(`${'a'.repeat(35)}-20261127-030405`);
});
