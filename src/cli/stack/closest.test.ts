import { expect, it } from 'vitest';
import { closest } from './closest.ts';

it('finds the name that was meant, and none for a word that is like no name', () => {
  const known = ['shop', 'sales', 'support-eu'];
  expect(closest('shpo', known)).toBe('shop');
  expect(closest('suport-eu', known)).toBe('support-eu');
  expect(closest('warehouse', known)).toBeUndefined();
  expect(closest('x', ['ab'])).toBeUndefined();
});
