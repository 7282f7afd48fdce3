import { expect, it } from 'vitest';
import { silentLogger } from '../../base/silentLogger.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import { Subscription } from './subscription.ts';

/** A subscription at a Graph whose answers come when the test says so. */
function subscriptionAt(url: string | null = 'https://hooks.example/webhook') {
  const calls: string[] = [];
  let answer: (error?: Error) => void = () => {};
  let isThere = true;
  const clock = new VirtualClock(1_700_000_000_000);
  const subscription = new Subscription({
    webhooks: {
      subscribe: (_, verifyToken) => {
        calls.push(`subscribe ${verifyToken}`);
        return new Promise((resolve, reject) => {
          answer = (error) => (error ? reject(error) : resolve());
        });
      },
      isSubscribed: async () => isThere,
      unsubscribe: async () => void calls.push('unsubscribe'),
    },
    url: url ?? undefined,
    verifyToken: () => 'token',
    clock,
    logger: silentLogger,
    signal: new AbortController().signal,
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const lose = () => {
    isThere = false;
  };
  return { subscription, calls, turn, clock, lose, answer: (error?: Error) => answer(error) };
}

it('is removed only after an attempt that is under way, which Graph could act on later', async () => {
  const { subscription, calls, turn, answer } = subscriptionAt();
  subscription.keep();
  const removed = subscription.remove();
  await turn();
  expect(calls).toEqual(['subscribe token']);
  answer();
  expect(await removed).toBe(true);
  expect(calls).toEqual(['subscribe token', 'unsubscribe']);
  expect(subscription.status.state).toBe('Removed');
});

it('says why Graph refused it', async () => {
  const { subscription, turn, answer } = subscriptionAt();
  subscription.keep();
  expect(subscription.status.state).toBe('Pending');
  answer(new Error('Cloud API 2200: Callback verification failed'));
  await turn();
  expect(subscription.status).toMatchObject({
    state: 'Failed',
    detail: expect.stringContaining('Callback verification failed'),
  });
});

it('is made again within about a minute when somebody has removed or changed it', async () => {
  const { subscription, calls, turn, clock, lose, answer } = subscriptionAt();
  subscription.keep();
  answer();
  await turn();
  await clock.advance(180_000);
  expect(calls).toEqual(['subscribe token']);
  lose();
  await clock.advance(62_000);
  expect(calls).toEqual(['subscribe token', 'subscribe token']);
});

it('that somebody makes by hand is left alone', async () => {
  const { subscription, calls } = subscriptionAt(null);
  subscription.keep();
  expect(await subscription.remove()).toBe(true);
  expect(calls).toEqual([]);
  expect(subscription.status).toEqual({ state: 'NotManaged' });
});
