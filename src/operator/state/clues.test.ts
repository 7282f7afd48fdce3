import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import { ApiError } from '../../engine/kube/apiError.ts';
import { KubeClient } from '../../engine/kube/client.ts';
import type { KubeRequest, Transport } from '../../engine/kube/transport.ts';
import { Clues } from './clues.ts';

const never = new AbortController().signal;
const STACK = { key: 'default/shop', namespace: 'default' };

const setup = (answers: { log?: (request: KubeRequest) => string; events?: object[] }) => {
  const asked: KubeRequest[] = [];
  const transport: Transport = {
    request: async (request) => {
      asked.push(request);
      return { items: answers.events ?? [], metadata: { resourceVersion: '1' } };
    },
    text: async (request) => {
      asked.push(request);
      return answers.log?.(request) ?? '';
    },
    stream: async function* () {},
    close: () => {},
  };
  const clock = new VirtualClock(1_000_000);
  const clues = new Clues(new KubeClient(transport), clock);
  const answer = (...questions: Parameters<Clues['answer']>[1][number][]) =>
    clues.answer(STACK, questions, never, silentLogger);
  return { asked, clock, answer };
};
const log = (uid: string, more: object = {}) =>
  ({ ask: 'log', uid, name: `pod-${uid}`, container: 'webapp', dueMs: 0, ...more }) as const;

describe('questions about objects that do not run', () => {
  it('are asked when they are due, and again after ten seconds', async () => {
    const { asked, clock, answer } = setup({ log: () => 'one\ntwo\n' });
    const early = await answer(log('a', { dueMs: 1_005_000 }));
    expect([asked.length, early.nextMs]).toEqual([0, 1_005_000]);
    await clock.advance(5_000);
    const first = await answer(log('a', { dueMs: 1_005_000 }));
    expect(first.clues.get('a')).toEqual({ lines: ['one', 'two'] });
    expect(first.nextMs).toBe(1_015_000);
    await answer(log('a'));
    expect(asked).toHaveLength(1);
    await clock.advance(10_000);
    await answer(log('a'));
    expect(asked).toHaveLength(2);
  });

  it('are a few at a time: the rest follow in the next pass', async () => {
    const { asked, answer } = setup({ log: () => 'line' });
    const questions = ['a', 'b', 'c', 'd', 'e', 'f'].map((uid) => log(uid));
    await answer(...questions);
    expect(asked).toHaveLength(4);
    expect([...(await answer(...questions)).clues.keys()]).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('fall back to the log of now when the container has no earlier one, and go without an answer', async () => {
    const noEarlier = ({ query }: KubeRequest) => {
      if (query?.previous) throw new ApiError(400, { reason: 'BadRequest' }, 'GET log');
      return 'now';
    };
    expect((await setup({ log: noEarlier }).answer(log('a', { previous: true }))).clues.get('a')).toEqual({
      lines: ['now'],
    });
    const refused = () => {
      throw new ApiError(403, { reason: 'Forbidden' }, 'GET log');
    };
    expect((await setup({ log: refused }).answer(log('a'))).clues.get('a')).toEqual({});
  });

  it('find the newest telling events first', async () => {
    const event = (type: string, reason: string, lastTimestamp: string) => ({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: reason },
      ...{ type, reason, message: `about ${reason}`, lastTimestamp },
    });
    const { answer } = setup({
      events: [
        event('Warning', 'FailedCreate', '2026-03-01T12:00:00Z'),
        event('Normal', 'SuccessfulCreate', '2026-03-01T12:00:02Z'),
        event('Normal', 'FailedBinding', '2026-03-01T12:00:01Z'),
      ],
    });
    const { clues } = await answer({ ask: 'warnings', uid: 'c', name: 'shop-media', dueMs: 0 });
    expect(clues.get('c')?.warnings?.map(({ reason }) => reason)).toEqual(['FailedBinding', 'FailedCreate']);
  });
});
