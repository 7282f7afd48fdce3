import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { LineSeal } from './lineSeal.ts';
import { RpcClient } from './rpcClient.ts';
import { serveRpc } from './rpcServer.ts';

const never = new AbortController().signal;
const protocol = {
  name: 'echo',
  version: 1,
  calls: { echo: { request: z.unknown(), response: z.unknown() } },
  events: {},
} as const;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function echo(secret?: string): Promise<(body: unknown) => Promise<unknown>> {
  const seal = () => (secret === undefined ? undefined : new LineSeal(secret, systemClock));
  const listen = { host: '127.0.0.1', port: 0, logger: silentLogger };
  const server = await serveRpc(protocol, { echo: async (body) => body }, { ...listen, seal: seal() });
  const address = { host: '127.0.0.1', port: server.port, clock: systemClock };
  const client = await RpcClient.connect(protocol, { ...address, seal: seal() }, never);
  closers.push(
    () => client.close(),
    () => server.close(),
  );
  return (body) => client.call('echo', body, never);
}

/** No text can be made of it. */
function deep(): unknown {
  let value: unknown = 1;
  for (let depth = 0; depth < 20_000; depth++) value = [value];
  return value;
}

describe.each([undefined, 'secret'])('a connection with the secret %s', (secret) => {
  it('refuses a body that is too deep or too long, and keeps the calls beside it', async () => {
    const call = await echo(secret);
    const outcomes = await Promise.allSettled([
      call('a'),
      call(deep()),
      call('x'.repeat(13_000_000)),
      call('b'),
    ]);
    expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : 'refused'))).toEqual([
      'a',
      'refused',
      'refused',
      'b',
    ]);
    expect(await call('c')).toBe('c');
  });

  it('carries more in one turn than a line may hold', async () => {
    const call = await echo(secret);
    const bodies = Array.from({ length: 18 }, (_, index) => String(index % 10).repeat(1_000_000));
    expect(await Promise.all(bodies.map(call))).toEqual(bodies);
  });
});
