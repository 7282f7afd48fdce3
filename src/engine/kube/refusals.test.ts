import { describe, expect, it } from 'vitest';
import type { Clock } from '../../base/clock.ts';
import { ApiError } from './apiError.ts';
import { Refusals } from './refusals.ts';

describe('a refused request', () => {
  const setup = () => {
    let now = 0;
    const sent: number[] = [];
    const refusals = new Refusals({ monotonic: () => now } as unknown as Clock);
    const send = (state: string, status?: number) =>
      refusals
        .guard(
          'Service/web',
          () => state,
          async () => {
            sent.push(now);
            if (status) throw new ApiError(status, {}, 'PATCH');
          },
        )
        .catch((error: unknown) => (error as ApiError).status);
    return {
      sent,
      send,
      wait: (ms: number) => {
        now += ms;
      },
    };
  };

  it('is sent again ever more seldom, and reported in between', async () => {
    const { sent, send, wait } = setup();
    for (let passes = 0; passes < 130; passes++) {
      expect(await send('a', 422)).toBe(422);
      wait(1000);
    }
    expect(sent).toEqual([0, 2_000, 6_000, 14_000, 30_000, 60_000, 90_000, 120_000]);
  });

  it('is sent at once when something about it changes', async () => {
    const { sent, send } = setup();
    await send('a', 422);
    await send('b', 422);
    expect(sent).toHaveLength(2);
  });

  it('is forgotten after a success, and after what says nothing about the request', async () => {
    const { sent, send } = setup();
    for (const status of [409, 429, 503]) await send('a', status);
    expect(sent).toHaveLength(3);
    await send('a');
    await send('a');
    expect(sent).toHaveLength(5);
  });
});
