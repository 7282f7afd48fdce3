import { expect, it } from 'vitest';
import { isColoured } from './isColoured.ts';

it('is coloured on a terminal, unless the user or the terminal wants none', () => {
  const terminal = { isTTY: true };
  expect(isColoured({ env: {} }, terminal)).toBe(true);
  expect(isColoured({ env: {} }, {})).toBe(false);
  expect(isColoured({ env: { NO_COLOR: '1' } }, terminal)).toBe(false);
  expect(isColoured({ env: { NO_COLOR: '' } }, terminal)).toBe(true);
  expect(isColoured({ env: { TERM: 'dumb' } }, terminal)).toBe(false);
  expect(isColoured({ env: { FORCE_COLOR: '1' } }, {})).toBe(true);
  expect(isColoured({ env: { FORCE_COLOR: '0' } }, terminal)).toBe(false);
  expect(isColoured({ env: { FORCE_COLOR: '1', NO_COLOR: '1' } }, terminal)).toBe(false);
});
