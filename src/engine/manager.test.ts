import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TerminalError } from './controller/controller.ts';
import { isNotFound } from './kube/apiError.ts';
import { type KubeObject, kinds, type ResourceKind } from './kube/kubeObject.ts';
import { Manager } from './manager.ts';
import type { Resource } from './resource.ts';
import { serveCustomResource } from './simulation/schemas.ts';
import { SimulatedCluster } from './simulation/simulatedCluster.ts';
import type { Fault } from './simulation/simulatedTransport.ts';

const Shop: ResourceKind = { apiVersion: 'example.com/v1', kind: 'Shop', plural: 'shops', namespaced: true };
serveCustomResource(Shop);

interface ShopObject extends KubeObject {
  readonly spec: { readonly shelves: number; readonly prices?: string };
}

const FINALIZER = 'example.com/clean-up';
const { signal } = new AbortController();
const fieldManager = 'test';

let cluster: SimulatedCluster;
let faults: (path: string) => Fault;
let stops: (() => Promise<void>)[];
beforeEach(() => {
  faults = () => ({});
  cluster = new SimulatedCluster({ fault: ({ method, path }) => faults(`${method} ${path}`) });
  stops = [];
});
afterEach(async () => {
  for (const stop of stops) await stop();
});

const run = (manager: Manager): void => {
  const stop = new AbortController();
  const running = manager.run(stop.signal);
  stops.push(async () => {
    stop.abort();
    let isOver = false;
    void running.finally(() => {
      isOver = true;
    });
    await cluster.until(() => isOver);
    await running;
  });
};
const shop = (name: string, spec: ShopObject['spec']): ShopObject => ({
  apiVersion: 'example.com/v1',
  kind: 'Shop',
  metadata: { name, namespace: 'default' },
  spec,
});
const create = <T extends KubeObject>(object: T) =>
  cluster.client.create<T>(object, { fieldManager }, signal);
const get = <T extends KubeObject>(kind: ResourceKind, name: string) =>
  cluster.client.get<T>(kind, 'default', name, signal);
const isGone = (kind: ResourceKind, name: string) =>
  get(kind, name).then(
    () => false,
    (error: unknown) => isNotFound(error),
  );
const shelf = (name: string, price: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { price },
});

/** Makes the shelves of each shop, at the price of the Secret that it names. */
const shops = (more: (resource: Resource<ShopObject>) => void = () => {}): Manager => {
  const manager = new Manager({ name: 'shops', namespaces: ['default'], ...cluster.managerOptions() });
  manager
    .controller<ShopObject>(Shop)
    .owns(kinds.ConfigMap)
    .watches(kinds.Secret, ({ metadata }, all) =>
      all.filter(({ spec }) => spec.prices === metadata.name).map(({ metadata: of }) => `default/${of.name}`),
    )
    .finalizer(FINALIZER, async () => {})
    .reconcile(async (resource) => {
      more(resource);
      const { name } = resource.object.metadata;
      const { shelves, prices } = resource.object.spec;
      const secret = resource
        .watched<KubeObject & { data?: { price?: string } }>(kinds.Secret)
        .get(`default/${prices}`);
      for (let index = 0; index < shelves; index++)
        await resource.ensure(shelf(`${name}-${index}`, secret?.data?.price ?? 'free'));
      for (const extra of resource.owned(kinds.ConfigMap))
        if (Number(extra.metadata.name.split('-').at(-1)) >= shelves) await resource.remove(extra);
      await resource.writeStatus({ shelves });
      return {};
    });
  return manager;
};

describe('a manager', () => {
  it('makes what a resource owns, sets it right, removes it, and writes the status', async () => {
    run(shops());
    await create(shop('a', { shelves: 2 }));
    await cluster.until(async () => (await get(Shop, 'a')).status);
    const made = await get(kinds.ConfigMap, 'a-1');
    expect(made.metadata.ownerReferences).toEqual([
      expect.objectContaining({ kind: 'Shop', name: 'a', controller: true }),
    ]);

    await cluster.client.mergePatch(
      kinds.ConfigMap,
      { name: 'a-1', namespace: 'default', fieldManager },
      { data: { price: 'x' } },
      signal,
    );
    await cluster.until(
      async () =>
        (await get<KubeObject & { data: { price: string } }>(kinds.ConfigMap, 'a-1')).data.price === 'free',
    );
    await cluster.client.delete(kinds.ConfigMap, 'default', 'a-0', {}, signal);
    await cluster.until(() => get(kinds.ConfigMap, 'a-0'));

    const { revision } = cluster.server;
    await cluster.clock.advance(60_000);
    expect(cluster.server.revision).toBe(revision);

    await cluster.client.mergePatch(
      Shop,
      { name: 'a', namespace: 'default', fieldManager },
      { spec: { shelves: 1 } },
      signal,
    );
    await cluster.until(() => isGone(kinds.ConfigMap, 'a-1'));
    expect((await get(Shop, 'a')).status).toEqual({ shelves: 1 });
  });

  it('reconciles whatever a watched object concerns, and nothing else', async () => {
    const seen: string[] = [];
    run(shops(({ key }) => seen.push(key)));
    await create(shop('a', { shelves: 1, prices: 'today' }));
    await create(shop('b', { shelves: 1 }));
    await cluster.until(async () => (await get(Shop, 'a')).status && (await get(Shop, 'b')).status);
    await cluster.clock.advance(1000);
    seen.length = 0;
    await create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'today', namespace: 'default' },
      data: { price: '5' },
    });
    await cluster.until(
      async () =>
        (await get<KubeObject & { data: { price: string } }>(kinds.ConfigMap, 'a-0')).data.price === '5',
    );
    expect(new Set(seen)).toEqual(new Set(['default/a']));
  });

  it('keeps a deleted resource until it has cleaned up, however often that fails, and does not reconcile it', async () => {
    let attempts = 0;
    const reconciled: string[] = [];
    const manager = new Manager({ name: 'shops', ...cluster.managerOptions() });
    manager
      .controller<ShopObject>(Shop)
      .finalizer(FINALIZER, async () => {
        attempts += 1;
        if (attempts < 3) throw new Error('the warehouse does not answer');
      })
      .reconcile(async ({ object }) => {
        reconciled.push(object.metadata.deletionTimestamp ?? 'wanted');
        return {};
      });
    run(manager);
    await create(shop('a', { shelves: 0 }));
    await cluster.until(async () => (await get(Shop, 'a')).metadata.finalizers?.includes(FINALIZER));
    await cluster.client.delete(Shop, 'default', 'a', {}, signal);
    await cluster.until(() => isGone(Shop, 'a'));
    expect(attempts).toBe(3);
    expect(new Set(reconciled)).toEqual(new Set(['wanted']));
  });

  it('tries again after an error and after the time asked for, but not after a terminal error', async () => {
    const calls: Record<string, number> = { 'default/error': 0, 'default/later': 0, 'default/never': 0 };
    const manager = new Manager({ name: 'shops', ...cluster.managerOptions() });
    manager.controller(Shop).reconcile(async ({ key }) => {
      const count = (calls[key] ?? 0) + 1;
      calls[key] = count;
      if (key === 'default/never') throw new TerminalError('there is no such shelf');
      if (key === 'default/error' && count < 4) throw new Error('not yet');
      return key === 'default/later' ? { requeueAfterMs: 20_000 } : {};
    });
    run(manager);
    for (const name of ['error', 'later', 'never']) await create(shop(name, { shelves: 0 }));
    await cluster.clock.advance(59_000);
    expect(calls).toEqual({ 'default/error': 4, 'default/later': 3, 'default/never': 1 });
    expect(await manager.registry.metrics()).toContain(
      'controller_runtime_terminal_reconcile_errors_total{controller="shop"} 1',
    );
  });

  it('records events of the resource', async () => {
    const manager = new Manager({ name: 'shops', ...cluster.managerOptions() });
    manager.controller(Shop).reconcile(async (resource) => {
      resource.event('Warning', 'Empty', 'no shelf is left');
      return {};
    });
    run(manager);
    await create(shop('a', { shelves: 0 }));
    const { items } = await cluster.until(async () => {
      const page = await cluster.client.list(kinds.Event, { namespace: 'default' }, signal);
      return page.items.length > 0 && page;
    });
    expect(items).toEqual([
      expect.objectContaining({
        reason: 'Empty',
        message: 'no shelf is left',
        involvedObject: expect.objectContaining({ kind: 'Shop', name: 'a' }),
      }),
    ]);
  });

  it('leaves the object of somebody else alone', async () => {
    const problems: unknown[] = [];
    await create({ ...shelf('a-0', 'mine'), metadata: { name: 'a-0', namespace: 'default' } });
    const manager = new Manager({ name: 'shops', ...cluster.managerOptions() });
    manager
      .controller<ShopObject>(Shop)
      .owns(kinds.ConfigMap)
      .reconcile(async (resource) => {
        await resource.ensure(shelf('a-0', 'ours')).catch((error: unknown) => problems.push(error));
        return {};
      });
    run(manager);
    await create(shop('a', { shelves: 1 }));
    await cluster.until(() => problems.length > 0);
    expect(problems[0]).toMatchObject({ code: 'NotControlled' });
    expect(await get(kinds.ConfigMap, 'a-0')).toMatchObject({ data: { price: 'mine' } });
  });

  it('lets one replica work at a time, and another one when the first is cut off', async () => {
    const workers: string[] = [];
    let cutOff = '';
    const replica = (identity: string): void => {
      const options = cluster.managerOptions();
      const manager = new Manager({
        name: 'shops',
        ...options,
        connection: {
          ...options.connection,
          request: (request, abort) => {
            if (cutOff === identity)
              return new Promise((_, reject) => abort.addEventListener('abort', () => reject(abort.reason)));
            return options.connection.request(request, abort);
          },
          stream: (request, abort) => options.connection.stream(request, abort),
          text: (request) => options.connection.text(request),
          close: () => {},
        },
        leaderElection: { namespace: 'default', identity },
      });
      manager.controller(Shop).reconcile(async () => {
        workers.push(identity);
        return {};
      });
      run(manager);
    };
    replica('first');
    await cluster.until(() => get(kinds.Lease, 'shops'));
    replica('second');
    await create(shop('a', { shelves: 0 }));
    await cluster.clock.advance(30_000);
    expect(new Set(workers)).toEqual(new Set(['first']));
    cutOff = 'first';
    await cluster.clock.advance(60_000);
    await create(shop('b', { shelves: 0 }));
    await cluster.clock.advance(5000);
    expect(workers.at(-1)).toBe('second');
  });

  it('lets replicas share the namespaces, and keeps only what is of its own shards', async () => {
    const spaces = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const namespace of spaces)
      await create({ ...shop('s', { shelves: 0 }), metadata: { name: 's', namespace } });
    const workers = new Map<string, string>();
    const sizes = new Map<string, () => number>();
    const replica = (identity: string): void => {
      const leaderElection = { namespace: 'default', identity, shards: 4 };
      const manager = new Manager({ name: 'shops', ...cluster.managerOptions(), leaderElection });
      manager
        .controller(Shop)
        .watches(Shop, () => [])
        .reconcile(async (resource) => {
          workers.set(resource.key, identity);
          sizes.set(identity, () => resource.watched(Shop).size);
          return {};
        });
      run(manager);
    };
    replica('first');
    await cluster.until(() => workers.size === spaces.length);
    expect(sizes.get('first')?.()).toBe(spaces.length);

    replica('second');
    await cluster.until(() => new Set(workers.values()).size === 2);
    await cluster.clock.advance(20_000);
    const seconds = [...workers.values()].filter((identity) => identity === 'second').length;
    expect(sizes.get('second')?.()).toBe(seconds);
    expect(sizes.get('first')?.()).toBe(spaces.length - seconds);
  });

  it('ends in the same state when answers to writes are lost', async () => {
    let count = 0;
    faults = (what) => (/^(PATCH|POST)/.test(what) && count++ % 2 === 0 ? { outcome: 'unanswered' } : {});
    run(shops());
    await create(shop('a', { shelves: 3 }));
    await cluster.until(async () => (await get(Shop, 'a')).status);
    const { items } = await cluster.client.list(kinds.ConfigMap, { namespace: 'default' }, signal);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['a-0', 'a-1', 'a-2']);
  });

  it('says which call is missing when a reconcile reaches for a kind that was not named', async () => {
    const problems: unknown[] = [];
    const manager = new Manager({ name: 'shops', ...cluster.managerOptions() });
    manager.controller(Shop).reconcile(async (resource) => {
      for (const reach of [() => resource.owned(kinds.Secret), () => resource.watched(kinds.Secret)])
        try {
          reach();
        } catch (error) {
          problems.push((error as Error).message);
        }
      return {};
    });
    run(manager);
    await create(shop('a', { shelves: 0 }));
    await cluster.until(() => problems.length === 2);
    expect(problems).toEqual([
      'the controller does not own Secret; add .owns(…) of it before .reconcile(…)',
      'the controller does not watch Secret; add .watches(…) of it before .reconcile(…)',
    ]);
    expect(() => manager.controller(Shop).reconcile(async () => ({}))).toThrow(
      'there is a controller shop already; give one of them another name',
    );
  });
});
