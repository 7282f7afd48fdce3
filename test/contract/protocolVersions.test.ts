import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { MovableClock } from '../../src/base/movableClock.ts';
import { listen } from '../../src/base/ports.ts';
import { Gateway } from '../../src/stack/coreapp/gateway.ts';
import { Network } from '../../src/stack/network/network.ts';
import type { ClusterStore } from '../../src/stack/store/clusterStore.ts';
import { CoreappRouter } from '../../src/stack/webapp/coreappRouter.ts';
import { NetworkLink } from '../../src/stack/webapp/networkLink.ts';
import { LineSeal } from '../../src/stack/wire/lineSeal.ts';
import { networkProtocol } from '../../src/stack/wire/networkProtocol.ts';
import { nodeProtocol } from '../../src/stack/wire/nodeProtocol.ts';
import { IncompatiblePeer, type Protocol, UnknownCall } from '../../src/stack/wire/protocol.ts';
import { RpcClient } from '../../src/stack/wire/rpcClient.ts';
import { type Handlers, serveRpc } from '../../src/stack/wire/rpcServer.ts';
import { eventually } from '../support/eventually.ts';

const never = new AbortController().signal;
const HOST = '127.0.0.1';
const common = { clock: systemClock, logger: silentLogger };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The lines of a socket as the release before the handshake read them. This code is frozen: it stands for that release. */
function oldFrames(socket: Socket, onFrame: (frame: OldFrame) => void, seal?: LineSeal) {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('error', () => {});
  socket.on('data', (chunk: string) => {
    rest += chunk;
    for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      for (const frame of (seal ? seal.open(line) : line).split('\n')) onFrame(JSON.parse(frame) as OldFrame);
    }
  });
  return (frame: OldFrame) => {
    const text = JSON.stringify(frame);
    socket.write(`${seal?.seal(text) ?? text}\n`);
  };
}
type OldFrame =
  | { id: number; call: string; body: unknown }
  | { id: number; ok: true; body: unknown }
  | { id: number; ok: false; code: number; details?: string }
  | { event: string; body: unknown };

/** A client as it was before the handshake: it ignores frames that it does not know. Frozen. */
async function oldClient(port: number, seal?: LineSeal) {
  const socket = createConnection({ host: HOST, port });
  await new Promise((resolve) => socket.once('connect', resolve));
  closers.push(() => socket.destroy());
  const events: OldFrame[] = [];
  const waiting = new Map<number, (frame: OldFrame) => void>();
  const send = oldFrames(
    socket,
    (frame) => {
      if ('event' in frame) events.push(frame);
      else if ('ok' in frame) waiting.get(frame.id)?.(frame);
    },
    seal,
  );
  let id = 0;
  const call = (name: string, body: unknown) =>
    new Promise<OldFrame>((resolve) => {
      waiting.set(++id, resolve);
      send({ id, call: name, body });
    });
  return { call, events };
}

/** A server as it was before the handshake: it answers calls, and ignores all other frames. Frozen. */
async function oldServer(answers: Readonly<Record<string, unknown>>, seal?: LineSeal) {
  const calls: string[] = [];
  const sockets: Socket[] = [];
  let emit: (event: string, body: unknown) => void = () => {};
  const server = createServer((socket) => {
    sockets.push(socket);
    const send = oldFrames(
      socket,
      (frame) => {
        if (!('call' in frame)) return;
        const { id, call } = frame;
        calls.push(call);
        if (call in answers) send({ id, ok: true, body: answers[call] });
        else send({ id, ok: false, code: 1014, details: `unknown call ${call}` });
      },
      seal,
    );
    emit = (event, body) => send({ event, body });
  });
  const port = await listen(server, { host: HOST, port: 0 });
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { port, calls, emit: (event: string, body: unknown) => emit(event, body) };
}

/** A protocol of one call, in the form of any release. */
const protocolOf = (version: number, more: Partial<Protocol['calls']> = {}) =>
  ({
    name: 'node',
    version,
    calls: {
      ask: { request: z.object({ word: z.string() }), response: z.object({ word: z.string() }) },
      ...more,
    },
    events: {},
  }) as const satisfies Protocol;
const echo = { ask: async ({ word }: { word: string }) => ({ word }) };

async function serve<P extends Protocol>(protocol: P, handlers: Handlers<P>, seal?: LineSeal) {
  const server = await serveRpc(protocol, handlers, { host: HOST, port: 0, logger: silentLogger, seal });
  closers.push(server.close);
  return server.port;
}
async function connect<P extends Protocol>(protocol: P, port: number) {
  const client = await RpcClient.connect(protocol, { host: HOST, port, clock: systemClock }, never);
  closers.push(() => client.close());
  return client;
}

async function startNetwork() {
  const dataFolder = await mkdtemp(join(tmpdir(), 'waba-protocol-'));
  const network = await Network.start({ ...common, host: HOST, port: 0, dataFolder, limits: false });
  closers.push(() => rm(dataFolder, { recursive: true, force: true }));
  closers.push(() => network.close());
  return network;
}

function routerTo(port: number, secret = ''): CoreappRouter {
  const single = { host: HOST, ports: [port, port, port, port] };
  const options = { multiconnect: false, single, cluster: {} as ClusterStore, secret, clock: systemClock };
  const router = new CoreappRouter(options);
  closers.push(() => router.close());
  return router;
}

describe('a Webapp or Master of this release', () => {
  it.each([['', undefined] as const, ['shared', new LineSeal('shared', systemClock)] as const])(
    'works with a node of the release before (WA_SECRET "%s")',
    async (secret, seal) => {
      const node = await oldServer({ health: { gateway_status: 'connected' }, send: { id: 'gB1' } }, seal);
      const router = routerTo(node.port, secret);
      expect(await router.health()).toEqual({ gateway_status: 'connected' });
      const person = '16505551234';
      expect(await router.send({ recipient: person, type: 'text', body: {} })).toEqual({
        id: 'gB1',
        waId: person,
      });
      expect(await router.checkContacts([person], true)).toEqual(
        new Map([[person, { status: 'valid', waId: person }]]),
      );
      // A call that came later is refused, and the connection stays.
      await expect(router.primary('getSettings', {})).rejects.toBeInstanceOf(UnknownCall);
      expect(await router.health()).toEqual({ gateway_status: 'connected' });
    },
  );
});

describe('a node of this release', () => {
  it.each([['none', undefined] as const, ['shared', 'shared'] as const])(
    'answers a Webapp of the release before (WA_SECRET %s)',
    async (_, secret) => {
      const seal = () => secret && new LineSeal(secret, systemClock);
      const handlers = {
        health: async () => ({ gateway_status: 'connected' as const }),
      } as unknown as Handlers<typeof nodeProtocol>;
      const port = await serve(nodeProtocol, handlers, seal() || undefined);
      const client = await oldClient(port, seal() || undefined);
      const asked = { field: 'of a later release' };
      expect(await client.call('health', asked)).toEqual({
        id: 1,
        ok: true,
        body: { gateway_status: 'connected' },
      });
      expect(await client.call('later', {})).toEqual({
        id: 2,
        ok: false,
        code: 1014,
        details: 'unknown call later',
      });
    },
  );
});

describe('the network process of this release', () => {
  it('serves a node and a Webapp of the release before', async () => {
    const network = await startNetwork();
    const client = await oldClient(network.port);
    expect(await client.call('attachWebapp', { webapp: 'w' })).toMatchObject({
      ok: true,
      body: { calls: [] },
    });
    const login = { number: '16315551000', registrationKey: 'k', shard: 0, shards: 1, epoch: 1 };
    expect(await client.call('login', login)).toMatchObject({ ok: false, code: 1005 });
  });
});

describe('a node or Webapp of this release', () => {
  it('works with the network process of the release before', async () => {
    const network = await oldServer({
      attachWebapp: { revision: 1, calls: [] },
      apiFaultsSeen: {},
      login: { isRecording: false },
      acknowledge: {},
    });
    const networkUrl = `tcp://${HOST}:${network.port}`;
    const faults = await NetworkLink.start({
      ...common,
      networkUrl,
      time: new MovableClock(systemClock),
      webapp: 'w',
    });
    closers.push(() => faults.close());
    expect(network.calls).toContain('attachWebapp');
    const taken: unknown[] = [];
    const gateway = new Gateway({
      ...common,
      networkUrl,
      time: new MovableClock(systemClock),
      signal: never,
      onReset: async () => {},
      onDeliver: async () => {},
      onEvents: async (events) => void taken.push(...events),
      onConnected: () => {},
      onReplaced: () => {},
    });
    closers.push(() => gateway.close());
    const account = {
      cc: '1',
      phoneNumber: '6315551000',
      vname: 'Shop',
      cert: '',
      registrationKey: 'k',
      pin: undefined,
    };
    await gateway.ensure({ account, shard: 0, shards: 1, epoch: 1 }, never);
    expect(gateway.status).toBe('connected');
    // Events and kinds of events of the next release are left alone; what is known among them is taken.
    network.emit('later', { any: 'thing' });
    const identity = { kind: 'identity', waId: '1650', hash: 'h', timestamp: '1', more: true };
    const events = [
      { eventId: 7, body: { kind: 'later' } },
      { eventId: 8, body: identity },
    ];
    network.emit('events', { events });
    await eventually(() => network.calls.includes('acknowledge'));
    expect(taken).toMatchObject([{ eventId: 8, body: { kind: 'identity' } }]);
    expect(gateway.status).toBe('connected');
  });
});

describe('two releases', () => {
  it('say their versions, and ignore fields that they do not know', async () => {
    const versions: number[] = [];
    const server = protocolOf(2);
    const port = await serve(server, {
      ask: async ({ word }, peer) => {
        versions.push(peer.version);
        return { word, more: 'of a later release' };
      },
    });
    for (const version of [2, 3]) {
      const client = await connect(protocolOf(version), port);
      expect(await client.call('ask', { word: 'hi', extra: 1 } as { word: string }, never)).toEqual({
        word: 'hi',
      });
    }
    expect(await (await oldClient(port)).call('ask', { word: 'hi' })).toMatchObject({ ok: true });
    expect(versions).toEqual([2, 3, 1]);
  });

  it('let the caller of an unknown call know that, and nothing else', async () => {
    const port = await serve(protocolOf(2), echo);
    const later = { request: z.object({}), response: z.object({}) };
    const client = await connect(protocolOf(3, { later }), port);
    await expect(client.call('later' as 'ask', {} as never, never)).rejects.toBeInstanceOf(UnknownCall);
    expect(await client.call('ask', { word: 'still' }, never)).toEqual({ word: 'still' });
  });

  it.each([
    [
      2,
      4,
      'speaks version 4 of the node protocol, this process version 2, and the peer understands no version before 3',
    ],
    [
      4,
      2,
      'speaks version 2 of the node protocol, this process version 4, which understands no version before 3',
    ],
  ])('that are too far apart refuse each other: client %i, server %i', async (own, peer, text) => {
    const port = await serve(protocolOf(peer), echo);
    const client = await connect(protocolOf(own), port);
    const refused = client.call('ask', { word: 'hi' }, never);
    await expect(refused).rejects.toThrow(text);
    await expect(refused).rejects.toBeInstanceOf(IncompatiblePeer);
    await expect(client.call('ask', { word: 'hi' }, never)).rejects.toBeInstanceOf(IncompatiblePeer);
  });

  it('refuse peers of before the handshake once they no longer understand them', async () => {
    const port = await serve(protocolOf(3), echo);
    expect(await (await oldClient(port)).call('ask', { word: 'hi' })).toEqual({
      id: 1,
      ok: false,
      code: 1014,
      details:
        'the peer speaks version 1 of the node protocol, this process version 3, which understands no version before 2; upgrade the peer, one release at a time',
    });
    const old = await oldServer({ ask: { word: 'hi' } });
    const client = await connect(protocolOf(3), old.port);
    await expect(client.call('ask', { word: 'hi' }, never)).rejects.toBeInstanceOf(IncompatiblePeer);
  });

  it('tell the caller of the API why the Webapp cannot ask a node', async () => {
    const handlers = {} as Handlers<typeof nodeProtocol>;
    const router = routerTo(await serve({ ...nodeProtocol, version: nodeProtocol.version + 2 }, handlers));
    await expect(router.primary('getSettings', {})).rejects.toMatchObject({
      code: 1014,
      details: expect.stringMatching(/speaks version 4 of the node protocol, this process version 2/),
    });
  });
});

describe.each([nodeProtocol, networkProtocol])('the $name protocol', ({ calls, events }) => {
  it('has no shape that refuses unknown fields', () => {
    const shapes: [string, z.ZodType][] = [
      ...Object.entries(calls).flatMap(([name, { request, response }]): [string, z.ZodType][] => [
        [`${name} request`, request],
        [`${name} response`, response],
      ]),
      ...Object.entries(events),
    ];
    const strict = shapes.filter(([, shape]) => {
      const schema = z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' });
      return JSON.stringify(schema).includes('"additionalProperties":false');
    });
    expect(strict.map(([name]) => name)).toEqual([]);
    const refusing = z.toJSONSchema(z.object({ in: z.strictObject({}) }), { io: 'input' });
    expect(JSON.stringify(refusing)).toContain('"additionalProperties":false');
  });
});
