import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import { SimulatedApiServer } from '../simulation/simulatedApiServer.ts';
import { type Fault, SimulatedTransport } from '../simulation/simulatedTransport.ts';
import { ApiError } from './apiError.ts';
import { KubeClient } from './client.ts';
import { type KubeObject, kinds } from './kubeObject.ts';
import { ObjectCache } from './objectCache.ts';
import { REFLECTOR_DEFAULTS, Reflector } from './reflector.ts';
import type { KubeRequest } from './transport.ts';

const never = new AbortController().signal;

const setup = (
  fault: (request: KubeRequest) => Fault = () => ({}),
  {
    garble = (line) => line,
    ...options
  }: { optional?: true; garble?: (line: string, request: KubeRequest) => string | Buffer } = {},
) => {
  const clock = new VirtualClock();
  let server = new SimulatedApiServer({ clock });
  const asked: KubeRequest[] = [];
  const connect = () =>
    new SimulatedTransport({
      server,
      clock,
      fault: (request) => {
        asked.push(request);
        return fault(request);
      },
    });
  // Whoever asks next reaches the server that is there then.
  const client = new KubeClient({
    request: (request, signal) => connect().request(request, signal),
    text: (request) => connect().text(request),
    stream: async function* (request, signal) {
      for await (const line of connect().stream(request, signal)) yield garble(String(line), request);
    },
    close: () => {},
  });
  const createBy = (target: SimulatedApiServer, name: string, namespace: string) =>
    new KubeClient(new SimulatedTransport({ server: target, clock })).create(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } },
      { fieldManager: 'user' },
      never,
    );
  const restore = () => {
    server = new SimulatedApiServer({ clock });
    return createBy(server, 'restored', 'default');
  };
  const cache = new ObjectCache<KubeObject>();
  const changes: string[] = [];
  const reflector = new Reflector<KubeObject>({
    client,
    ...options,
    kind: kinds.ConfigMap,
    cache,
    namespace: 'default',
    onChange: ({ type, object }) => changes.push(`${type} ${object.metadata.name}`),
    clock,
    random: () => 0,
    logger: silentLogger,
  });
  const write = async (name: string, namespace = 'default') => {
    const written = createBy(server, name, namespace);
    await clock.advance(0);
    await written;
  };
  const remove = async (name: string) => {
    const removed = new KubeClient(new SimulatedTransport({ server, clock })).delete(
      kinds.ConfigMap,
      'default',
      name,
      {},
      never,
    );
    await clock.advance(0);
    await removed;
  };
  const run = () => void reflector.run(never);
  return { clock, asked, cache, changes, reflector, restore, write, remove, run };
};
const watches = (asked: readonly KubeRequest[]) => asked.filter(({ query }) => query?.watch);

describe('the reflector', () => {
  it('tells of what is there, then of changes', async () => {
    const { clock, changes, write, remove, run } = setup();
    await write('a');
    run();
    await clock.advance(0);
    await write('b');
    await remove('a');
    expect(changes).toEqual(['Added a', 'Added b', 'Deleted a']);
  });

  it('asks for JSON after protobuf that it cannot read', async () => {
    const { clock, asked, changes, write, run } = setup(() => ({}), {
      garble: (line, { reader }) => (reader ? Buffer.from([255]) : line),
    });
    await write('a');
    run();
    await clock.advance(REFLECTOR_DEFAULTS.backoff.baseMs);
    expect(changes).toEqual(['Added a']);
    expect(watches(asked).map(({ reader }) => reader !== undefined)).toEqual([true, false]);
  });

  it('ends a watch that has fallen silent, and takes up what it missed', async () => {
    let silent = true;
    const { clock, asked, cache, write, run } = setup(({ query }) =>
      query?.watch && silent ? { silentAfterMs: 1000 } : {},
    );
    run();
    await clock.advance(2000);
    await write('unseen');
    silent = false;
    await clock.advance(REFLECTOR_DEFAULTS.watchdogMs - 3000);
    expect(cache.size).toBe(0);
    await clock.advance(3000);
    expect(cache.size).toBe(1);
    expect(watches(asked).map(({ query }) => query?.sendInitialEvents)).toEqual([true, undefined]);
  });

  it('has patience with a server that says nothing while nothing happens', async () => {
    const { clock, asked, run } = setup();
    run();
    await clock.advance(3_600_000);
    // A quarter of an hour holds some four of them, where a watchdog of 75 s would have made twelve.
    expect(watches(asked).length).toBeLessThan(20);
  });

  it('lists anew when the server was restored from a backup, which sets it back', async () => {
    const { clock, cache, run, restore, write } = setup();
    for (const name of ['a', 'b', 'c']) await write(name);
    run();
    await clock.advance(1000);
    const restored = restore();
    await clock.advance(0);
    await restored;
    await clock.advance(REFLECTOR_DEFAULTS.watchdogMs + 5000);
    expect(cache.keys()).toEqual(['default/restored']);
  });

  it('does not wait for its watchdog while bookmarks come', async () => {
    const { clock, asked, write, run } = setup();
    run();
    for (let minute = 0; minute < 4; minute++) {
      await write(`elsewhere-${minute}`, 'other');
      await clock.advance(60_000);
    }
    expect(watches(asked)).toHaveLength(1);
  });

  it('goes on where it was after a broken connection', async () => {
    let cut = true;
    const { clock, asked, changes, write, run } = setup(({ query }) =>
      query?.watch && cut ? { cutAfterMs: 5000 } : {},
    );
    await write('a');
    run();
    await clock.advance(4000);
    cut = false;
    await clock.advance(2000);
    await write('b');
    expect(changes).toEqual(['Added a', 'Added b']);
    expect(watches(asked)[1]?.query?.resourceVersion).toBeDefined();
  });

  it('waits longer after each failure, and does not ask in a loop when every watch ends at once', async () => {
    const { clock, asked, run } = setup(({ query }) => (query?.watch ? { cutAfterMs: 0 } : {}));
    run();
    await clock.advance(60_000);
    expect(watches(asked).length).toBeLessThan(500);
    const refused = setup(() => ({ outcome: new ApiError(500, {}, 'WATCH') }));
    refused.run();
    await refused.clock.advance(60_000);
    expect(watches(refused.asked).length).toBeLessThan(12);
  });

  it('says once what right is missing, and settles without it', async () => {
    const { clock, reflector, run } = setup(() => ({ outcome: new ApiError(403, {}, 'WATCH') }));
    let settled = false;
    void reflector.settled.then(() => {
      settled = true;
    });
    run();
    await clock.advance(10);
    expect(settled).toBe(true);
    expect(reflector.problem).toContain('resources: ["configmaps"], verbs: ["get", "list", "watch"]');
  });

  it('has no problem with an optional kind that the server does not know, and finds it once it is installed', async () => {
    let isInstalled = false;
    const fault = () => (isInstalled ? {} : { outcome: new ApiError(404, {}, 'WATCH') });
    const { clock, asked, cache, reflector, write, run } = setup(fault, { optional: true });
    let settled = false;
    void reflector.settled.then(() => {
      settled = true;
    });
    run();
    await clock.advance(3_600_000);
    expect([settled, reflector.problem]).toEqual([true, undefined]);
    // Each look is a read of the API server.
    expect(watches(asked).length).toBeLessThan(30);
    isInstalled = true;
    await write('a');
    await clock.advance(REFLECTOR_DEFAULTS.absentBackoff.capMs * 1.5);
    expect(cache.size).toBe(1);
    const required = setup(fault);
    isInstalled = false;
    required.run();
    await required.clock.advance(10);
    expect(required.reflector.problem).toContain('install its CustomResourceDefinition');
  });

  it.each([
    ['no JSON', () => '<html>'],
    ['null', () => 'null'],
    ['of an unknown type', () => '{"type":"RENAMED","object":{"metadata":{}}}'],
    ['without an object', () => '{"type":"ADDED"}'],
    ['without metadata', () => '{"type":"ADDED","object":{}}'],
    ['without a name', () => '{"type":"ADDED","object":{"metadata":{"resourceVersion":"7"}}}'],
    ['without a version', () => '{"type":"ADDED","object":{"metadata":{"name":"b"}}}'],
  ])('reports an event that is %s, and lists anew, because what it said is lost', async (_, broken) => {
    let isBroken = true;
    const garble = (line: string) => (isBroken && line.includes('"name":"b"') ? broken() : line);
    const { clock, asked, cache, reflector, write, run } = setup(() => ({}), { garble });
    await write('a');
    run();
    await clock.advance(10);
    expect([cache.size, reflector.problem]).toEqual([1, undefined]);
    await write('b');
    await clock.advance(60_000);
    expect(reflector.problem).toContain(
      'configmaps in namespace default: the API server, or a proxy before it',
    );
    expect(watches(asked).length).toBeLessThan(12);
    isBroken = false;
    await clock.advance(REFLECTOR_DEFAULTS.backoff.capMs * 2);
    expect([cache.size, reflector.problem]).toEqual([2, undefined]);
  });

  it('goes without an optional kind that it may not read', async () => {
    const { clock, reflector, run } = setup(() => ({ outcome: new ApiError(403, {}, 'WATCH') }), {
      optional: true,
    });
    let settled = false;
    void reflector.settled.then(() => {
      settled = true;
    });
    run();
    await clock.advance(10);
    expect([settled, reflector.problem]).toEqual([true, undefined]);
  });
});
