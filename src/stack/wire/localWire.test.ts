import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { LocalWire } from './localWire.ts';
import { RpcClient } from './rpcClient.ts';
import { type Peer, serveRpc } from './rpcServer.ts';

const never = new AbortController().signal;
const protocol = {
  name: 'echo',
  version: 1,
  calls: { echo: { request: z.unknown(), response: z.unknown() } },
  events: { news: z.object({ text: z.string() }) },
} as const;
const PORT = 1;

async function open({ startsClosed = false } = {}) {
  const wire = new LocalWire();
  const peers: Peer<typeof protocol>[] = [];
  const gone: string[] = [];
  const heard: string[] = [];
  const server = await serveRpc(
    protocol,
    {
      echo: async (body, peer) => {
        if (!peers.includes(peer)) peers.push(peer);
        return body;
      },
    },
    {
      host: 'here',
      port: PORT,
      startsClosed,
      wire,
      logger: silentLogger,
      onDisconnect: () => gone.push('server'),
    },
  );
  const connect = () =>
    RpcClient.connect(
      protocol,
      {
        host: 'here',
        port: PORT,
        wire,
        clock: systemClock,
        onEvent: (_, { text }) => heard.push(text.trim()),
        onClose: () => gone.push('client'),
      },
      never,
    );
  return { server, connect, peers, gone, heard };
}

describe('a wire within a process', () => {
  it('carries calls and events in their order', async () => {
    const { connect, peers, heard } = await open();
    const client = await connect();
    expect(await Promise.all([1, 2, 3].map((body) => client.call('echo', body, never)))).toEqual([1, 2, 3]);
    for (const text of ['a', 'b']) peers[0]?.emit('news', { text });
    await client.call('echo', {}, never);
    expect(heard).toEqual(['a', 'b']);
  });

  it('refuses a port that is closed, and keeps its connections', async () => {
    const { server, connect } = await open({ startsClosed: true });
    await expect(connect()).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await server.accept(true);
    const client = await connect();
    await server.accept(false);
    await expect(connect()).rejects.toThrow('cannot reach');
    expect(await client.call('echo', 1, never)).toBe(1);
  });

  it('tells both ends once when either closes it, and fails the calls under way', async () => {
    const { server, connect, gone } = await open();
    const client = await connect();
    const call = client.call('echo', 1, never);
    client.close();
    await expect(call).rejects.toThrow('cannot reach');
    await connect();
    await server.close();
    await new Promise((done) => setImmediate(done));
    expect(gone.sort()).toEqual(['client', 'client', 'server', 'server']);
  });

  it('ends when an end fails at what it receives', async () => {
    const { connect, peers, gone } = await open();
    const client = await connect();
    await client.call('echo', 1, never);
    peers[0]?.emit('news', { text: 1 } as never);
    await expect(client.call('echo', 1, never)).rejects.toThrow('cannot reach');
    expect(gone).toContain('server');
  });
});
