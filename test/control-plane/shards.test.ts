import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { Shards } from '../../src/engine/controller/shards.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { shardOf } from '../../src/engine/kube/shardOf.ts';
import type { KubeRequest, Transport } from '../../src/engine/kube/transport.ts';
import { Manager } from '../../src/engine/manager.ts';
import { WIDGET_DEFINITION, WidgetKind } from '../simulation/widget.ts';
import { freshNamespace, installDefinition, never, testClient } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';

const SHARDS = 4;
const TAKEN_OVER_MS = 45_000;

let client: KubeClient;
/** Where the Leases are, and the namespaces of the objects, one for each shard. */
let leases: string;
let namespaces: readonly string[];
const stopping: (() => Promise<void>)[] = [];

beforeAll(async () => {
  client = await testClient();
  await installDefinition(client, WIDGET_DEFINITION);
  leases = await freshNamespace(client);
  const found = new Map<number, string>();
  while (found.size < SHARDS) {
    const namespace = await freshNamespace(client);
    found.set(shardOf(namespace, SHARDS), namespace);
  }
  namespaces = [...found.values()];
  for (const namespace of namespaces) await put(namespace, 1);
});
afterEach(async () => {
  for (const stop of stopping.splice(0)) await stop();
});

const put = (namespace: string, size: number) =>
  client.apply(
    {
      apiVersion: WidgetKind.apiVersion,
      kind: WidgetKind.kind,
      metadata: { name: 'w', namespace },
      spec: { size },
    },
    { fieldManager: 'test', force: true },
    never,
  );

/** Who wrote the ConfigMap of each widget, and for which size. */
const written = async () => {
  const all = await Promise.all(
    namespaces.map((namespace) =>
      client
        .get<KubeObject & { data: { by: string; size: string } }>(kinds.ConfigMap, namespace, 'of-w', never)
        .then(({ data }) => `${data.by} ${data.size}`)
        .catch(() => 'nobody'),
    ),
  );
  return all;
};
const byReplica = async (): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const shard of Array.from({ length: SHARDS }, (_, index) => index)) {
    const lease = await client
      .get<KubeObject & { spec: { holderIdentity?: string } }>(
        kinds.Lease,
        leases,
        `widgets-shard-${shard}`,
        never,
      )
      .catch(() => undefined);
    const holder = lease?.spec.holderIdentity || 'nobody';
    counts[holder] = (counts[holder] ?? 0) + 1;
  }
  return counts;
};

/** A replica. What `kill` leaves of it never reaches the API server again. */
async function replica(identity: string) {
  const { transport } = await testClient();
  let isDead = false;
  const gate = (request: KubeRequest) => {
    if (isDead) throw new Error(`${identity} is dead: ${request.path}`);
  };
  const connection: Transport = {
    request: async (request, signal) => {
      gate(request);
      return transport.request(request, signal);
    },
    stream: (request, signal) => transport.stream(request, signal),
    text: (request, signal) => transport.text(request, signal),
    close: () => transport.close(),
  };
  const manager = new Manager({
    name: 'widgets',
    connection,
    leaderElection: { namespace: leases, identity, shards: SHARDS },
    logger: silentLogger,
  });
  manager
    .controller<KubeObject & { spec: { size: number } }>(WidgetKind)
    .owns(kinds.ConfigMap)
    .reconcile(async (widget) => {
      // Other tests of this control plane have widgets too.
      if (!namespaces.includes(widget.object.metadata.namespace ?? '')) return {};
      const data = { by: identity, size: String(widget.object.spec.size) };
      await widget.ensure({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'of-w' }, data });
      return {};
    });
  const stop = new AbortController();
  const running = manager.run(stop.signal);
  stopping.push(async () => {
    stop.abort();
    await running;
  });
  return {
    kill: () => {
      isDead = true;
    },
  };
}

const settles = (shares: readonly number[]) =>
  eventually(async () => {
    const counts = await byReplica();
    return Object.values(counts).sort().join() === [...shares].sort().join() && !('nobody' in counts);
  }, TAKEN_OVER_MS);

describe('replicas on a real API server', () => {
  it('share the namespaces, take over those of one that is gone, and leave some to one that joins', async () => {
    const first = await replica('first');
    await settles([SHARDS]);
    await replica('second');
    await settles([2, 2]);
    for (const namespace of namespaces) await put(namespace, 2);
    await eventually(async () => {
      const writers = await written();
      return (
        writers.filter((writer) => writer === 'first 2').length === 2 &&
        writers.filter((writer) => writer === 'second 2').length === 2
      );
    });

    first.kill();
    await settles([SHARDS]);
    for (const namespace of namespaces) await put(namespace, 3);
    await eventually(async () => (await written()).every((writer) => writer === 'second 3'));

    await replica('third');
    await settles([2, 2]);
    for (const namespace of namespaces) await put(namespace, 4);
    await eventually(async () => {
      const writers = await written();
      return (
        writers.filter((writer) => writer === 'third 4').length === 2 &&
        writers.filter((writer) => writer === 'second 4').length === 2
      );
    });
  }, 180_000);

  it('that divide otherwise wait until the others are gone', async () => {
    const { transport } = await testClient();
    const common = { namespace: leases, name: 'other', logger: silentLogger, random: Math.random };
    const clock = systemClock;
    const ofLeases = new KubeClient(transport);
    const two = new Shards({ ...common, clock, client: ofLeases, identity: 'two', shards: 2 });
    const three = new Shards({ ...common, clock, client: ofLeases, identity: 'three', shards: 3 });
    const [stopTwo, stopThree] = [new AbortController(), new AbortController()];
    const runTwo = two.run({ graceMs: 1_000 }, stopTwo.signal);
    await eventually(() => two.open.length === 2, 20_000);
    const runThree = three.run({ graceMs: 1_000 }, stopThree.signal);
    stopTwo.abort();
    await runTwo;
    expect([two.open, three.open]).toEqual([[], []]);
    await eventually(() => three.open.length === 3, TAKEN_OVER_MS);
    stopThree.abort();
    await runThree;
  }, 120_000);
});
