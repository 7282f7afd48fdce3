import { expect, it } from 'vitest';
import { shortAge } from './shortAge.ts';

it('shows an age in the largest unit of which there are two, and none for a clock that is ahead', () => {
  const seconds = [-5, 119, 120, 7199, 7200, 172_799, 172_800];
  expect(seconds.map((one) => shortAge(one * 1000))).toEqual(['0s', '119s', '2m', '119m', '2h', '47h', '2d']);
});
