import { expect, it } from 'vitest';
import { shortSize } from './shortSize.ts';

it('shows a size in the largest unit that it fills', () => {
  const sizes = [0, 1023, 1024, 1.5 * 1024 ** 3, 5000 * 1024 ** 4];
  expect(sizes.map(shortSize)).toEqual(['0 B', '1023 B', '1.0 KiB', '1.5 GiB', '5000.0 TiB']);
});
