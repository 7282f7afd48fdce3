import { expect, it } from 'vitest';
import { silentLogger } from '../../base/silentLogger.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import { Subscription } from './subscription.ts';

/** A subscription at a Graph whose answers come when the test says so. */
function subscriptionAt(url: string | null = 'https://hooks.example/webhook') {
  const calls: string[] = [];
  let answer: (error?: Error) => void = () => {};
  const subscription = new Subscription({
    graph: {
      subscribe: ({ verifyToken }) => {
        calls.push(`subscribe ${verifyToken}`);
        return new Promise((resolve, reject) => {
          answer = (error) => (error ? reject(error) : resolve());
        });
      },
      unsubscribe: async () => void calls.push('unsubscribe'),
    },
    businessAccountId: '1',
    url: url ?? undefined,
    verifyToken: () => 'token',
    clock: new VirtualClock(1_700_000_000_000),
    logger: silentLogger,
    signal: new AbortController().signal,
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { subscription, calls, turn, answer: (error?: Error) => answer(error) };
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

it('that somebody makes by hand is left alone', async () => {
  const { subscription, calls } = subscriptionAt(null);
  subscription.keep();
  expect(await subscription.remove()).toBe(true);
  expect(calls).toEqual([]);
  expect(subscription.status).toEqual({ state: 'NotManaged' });
});
