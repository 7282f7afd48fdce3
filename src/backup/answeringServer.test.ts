import { expect, it } from 'vitest';
import { type Clock, systemClock } from '../base/clock.ts';
import { CodedError } from '../base/codedError.ts';
import { answeringServer } from './answeringServer.ts';

const { signal } = new AbortController();
const clock: Clock = { ...systemClock, after: (_, callback) => systemClock.after(0, callback) };
const unreachable = (code: string) =>
  new CodedError('DatabaseUnreachable', 'no answer', { cause: Object.assign(new Error(code), { code }) });
const serverThat = (...answers: (Error | string)[]) => {
  const calls = { versions: 0, closed: 0 };
  const version = async () => {
    const answer = answers[calls.versions++] ?? 'never';
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const close = async () => void calls.closed++;
  return { calls, server: { version, close } };
};

it('asks again while a NetworkPolicy does not yet know the pod and refuses the connection', async () => {
  const { calls, server } = serverThat(
    unreachable('ECONNREFUSED'),
    unreachable('ECONNREFUSED'),
    'PostgreSQL 15',
  );
  expect(await answeringServer(server, clock, signal)).toBe(server);
  expect(calls).toEqual({ versions: 3, closed: 0 });
});

it('gives up at once on a wrong password, and closes the server', async () => {
  const { calls, server } = serverThat(unreachable('28P01'));
  await expect(answeringServer(server, clock, signal)).rejects.toThrow('no answer');
  expect(calls).toEqual({ versions: 1, closed: 1 });
});
