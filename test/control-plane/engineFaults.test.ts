import { readFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { seeded } from '../../src/base/seeded.ts';
import { Sources } from '../../src/engine/controller/sources.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, kinds, registerKind, resourcePath } from '../../src/engine/kube/kubeObject.ts';
import { HttpsTransport } from '../../src/engine/kube/transport.ts';
import { account, grant } from '../support/accounts.ts';
import { freshNamespace, never } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { type Asked, type FaultProxy, type ProxyFault, startFaultProxy } from '../support/faultProxy.ts';
import { startSampleEngine, versionsOf } from '../support/sampleEngine.ts';
import { CHILD_OF, PARENT, wantedChildren } from '../support/sampleReconcile.ts';
import { startTestControlPlane, type TestControlPlane } from '../support/testControlPlane.ts';

/** `npm run soak` sets minutes and a thousand parents. */
const FAULT_SECONDS = Number(process.env.FAULT_SECONDS ?? 20);
const FLEET_PARENTS = Number(process.env.FLEET_PARENTS ?? 100);
const FLEET_CHILDREN = 30;
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const HOUR_MS = 3_600_000;
for (const [kind, plural] of [
  ['PriorityLevelConfiguration', 'prioritylevelconfigurations'],
  ['FlowSchema', 'flowschemas'],
] as const)
  registerKind({ apiVersion: 'flowcontrol.apiserver.k8s.io/v1', kind, plural, namespaced: false });

let plane: TestControlPlane;
let proxy: FaultProxy;
let admin: KubeClient;
let namespace: string;

beforeAll(async () => {
  plane = await startTestControlPlane();
  admin = plane.controlPlane.client;
  proxy = await startFaultProxy(plane.controlPlane.credentials);
});
afterAll(async () => {
  await proxy.close();
  await plane.close();
});

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const parent = (name: string, children: number, colour: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels: { [PARENT]: 'true' } },
  data: { children: String(children), colour },
});
const apply = (object: KubeObject) => admin.apply(object, { fieldManager: 'user', force: true }, never);
const list = async () => (await admin.list<KubeObject>(kinds.ConfigMap, { namespace }, never)).items;

/** Every parent has exactly the children that it wants. */
const settled = (objects: readonly KubeObject[]): boolean =>
  objects
    .filter(({ metadata }) => metadata.labels?.[PARENT])
    .every((owner) => {
      const present = objects.filter(({ metadata }) => metadata.labels?.[CHILD_OF] === owner.metadata.name);
      const { colour } = owner.data as { colour: string };
      return (
        present.length === wantedChildren(owner).length &&
        present.every(({ data }) => (data as { colour: string }).colour === colour)
      );
    });

/** Compacts the history of etcd. */
async function compact(): Promise<void> {
  const { etcdUrl, pki } = plane.controlPlane;
  const [ca, cert, key] = await Promise.all(
    ['etcd-authority.crt', 'etcd-client.crt', 'etcd-client.key'].map((file) => readFile(pki.path(file))),
  );
  const call = (path: string, body: object) =>
    new Promise<Record<string, { revision: string }>>((resolve, reject) => {
      const request = httpsRequest(`${etcdUrl}${path}`, { method: 'POST', ca, cert, key }, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve(JSON.parse(text)));
      });
      request.on('error', reject);
      request.end(JSON.stringify(body));
    });
  const { header } = await call('/v3/kv/range', { key: 'AA==' });
  await call('/v3/kv/compaction', { revision: header?.revision, physical: true });
}

describe('the engine on a real API server, under faults', () => {
  it('sees its own writes while the watch lags by seconds', async () => {
    namespace = await freshNamespace(admin);
    proxy.fault = ({ isWatch }) => (isWatch ? { lagMs: 2000 } : {});
    const client = new KubeClient(
      new HttpsTransport({ credentials: proxy.credentials, clock: systemClock, userAgent: 'lagging/1' }),
    );
    const stop = new AbortController();
    const common = { clock: systemClock, random: Math.random, logger: silentLogger };
    const sources = new Sources({ client, namespaces: [namespace], ...common });
    const source = sources.watch<KubeObject>({
      kind: kinds.ConfigMap,
      indexes: { of: ({ metadata }) => (metadata.labels?.of ? [metadata.labels.of] : []) },
    });
    const running = sources.run(stop.signal);
    await sources.synced();
    // A child without a fixed name: only the observed write prevents a second one.
    let made = 0;
    const reconcile = async (name: string) => {
      if (source.cache.byIndex('of', name).length > 0) return;
      made += 1;
      const child: KubeObject = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `${name}-${made}`, namespace, labels: { of: name } },
      };
      source.cache.observeWrite(await client.create(child, { fieldManager: 'test' }, never));
    };
    for (let round = 0; round < 10; round++) for (const name of ['a', 'b', 'c']) await reconcile(name);
    expect(made).toBe(3);
    // A deletion counts as observed too, although the watch still shows the object.
    const [gone] = source.cache.byIndex('of', 'a');
    if (!gone) throw new Error('no child');
    await client.delete(kinds.ConfigMap, namespace, gone.metadata.name, { uid: gone.metadata.uid }, never);
    source.cache.observeDelete(gone);
    for (let round = 0; round < 10; round++) await reconcile('a');
    expect(made).toBe(4);
    await eventually(async () => versionsOf(source.cache.list()).join() === versionsOf(await list()).join());
    stop.abort();
    await running;
    client.transport.close();
  });

  it('lists in pages if the server has no streaming lists', async () => {
    namespace = await freshNamespace(admin);
    await Promise.all(Array.from({ length: 600 }, (_, index) => apply(parent(`p-${index}`, 0, 'red'))));
    proxy.fault = ({ path }) => (path.includes('sendInitialEvents') ? { status: 422 } : {});
    const engine = startSampleEngine({ credentials: proxy.credentials, namespace });
    await engine.sources.synced();
    // The engine has begun to write by now. A page that was lost would stay lost: the watch reports only what changes.
    const isComplete = async () =>
      isDeepStrictEqual(versionsOf(engine.source.cache.list()), versionsOf(await list()));
    await eventually(isComplete);
    expect(proxy.log.filter(({ path }) => path.includes('continue=')).length).toBeGreaterThanOrEqual(2);
    await apply(parent('p-0', 2, 'blue'));
    await eventually(async () => settled(await list()));
    await engine.stop();
  });

  it('names the missing rule of a kind that it may not watch, serves the other kinds, and recovers', async () => {
    namespace = await freshNamespace(admin);
    const credentials = await account(admin, plane.controlPlane.credentials, namespace, 'restricted', [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] },
    ]);
    proxy.fault = () => ({});
    const client = new KubeClient(
      new HttpsTransport({ credentials, clock: systemClock, userAgent: 'restricted/1' }),
    );
    const errors: string[] = [];
    const logger = { ...silentLogger, error: (message: string) => void errors.push(message) };
    const sources = new Sources({
      client,
      namespaces: [namespace],
      clock: systemClock,
      random: () => 0,
      logger,
    });
    const configMaps = sources.watch<KubeObject>({ kind: kinds.ConfigMap });
    const secrets = sources.watch<KubeObject>({ kind: kinds.Secret });
    const stop = new AbortController();
    const running = sources.run(stop.signal);
    await sources.settled();
    await eventually(() => configMaps.cache.size > 0);
    const rule = `secrets: not allowed in namespace ${namespace}; add to the Role in namespace ${namespace}: {apiGroups: [""], resources: ["secrets"], verbs: ["get", "list", "watch"]}`;
    expect(sources.missing(namespace)).toEqual([rule]);
    await sleep(1500);
    expect(errors).toEqual([rule]);
    await grant(admin, namespace, 'restricted', [
      { apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: ['get', 'list', 'watch'] },
    ]);
    await admin.create(
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'now', namespace } },
      { fieldManager: 'test' },
      never,
    );
    await eventually(() => secrets.cache.get(`${namespace}/now`), 60_000);
    expect(sources.missing()).toEqual([]);
    stop.abort();
    await running;
    client.transport.close();
  });

  it('waits as long as an overloaded server asks, and then succeeds', async () => {
    namespace = await freshNamespace(admin);
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['*'] }];
    const credentials = await account(admin, plane.controlPlane.credentials, namespace, 'crowd', rules);
    await admin.apply(
      {
        apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
        kind: 'PriorityLevelConfiguration',
        metadata: { name: 'narrow' },
        spec: {
          type: 'Limited',
          limited: {
            nominalConcurrencyShares: 1,
            lendablePercent: 0,
            borrowingLimitPercent: 0,
            limitResponse: { type: 'Reject' },
          },
        },
      },
      { fieldManager: 'test' },
      never,
    );
    await admin.apply(
      {
        apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
        kind: 'FlowSchema',
        metadata: { name: 'narrow' },
        spec: {
          matchingPrecedence: 2,
          priorityLevelConfiguration: { name: 'narrow' },
          rules: [
            {
              subjects: [{ kind: 'ServiceAccount', serviceAccount: { name: 'crowd', namespace } }],
              resourceRules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'], namespaces: ['*'] }],
            },
          ],
        },
      },
      { fieldManager: 'test' },
      never,
    );
    const retries: string[] = [];
    const client = new KubeClient(
      new HttpsTransport({
        credentials,
        clock: systemClock,
        userAgent: 'crowd/1',
        queriesPerSecond: 5000,
        burst: 5000,
        observer: {
          finished: () => {},
          throttled: () => {},
          retried: (_, __, code) => void retries.push(code),
        },
      }),
    );
    await eventually(async () => {
      const attempts = await Promise.allSettled(
        Array.from({ length: 200 }, (_, index) =>
          client.list(kinds.ConfigMap, { namespace, labelSelector: `round=r${index}` }, never),
        ),
      );
      expect(attempts.filter(({ status }) => status === 'rejected')).toEqual([]);
      return retries.length > 0;
    }, 60_000);
    expect(new Set(retries)).toEqual(new Set(['429']));
    client.transport.close();
  });

  it('reads a rotated token immediately after a 401', async () => {
    namespace = await freshNamespace(admin);
    const good = await account(admin, plane.controlPlane.credentials, namespace, 'rotating', [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['list'] },
    ]);
    const { tls, authorization } = await good.identity();
    let current = 'Bearer expired';
    let reads = 0;
    const client = new KubeClient(
      new HttpsTransport({
        clock: systemClock,
        userAgent: 'rotating/1',
        credentials: {
          ...good,
          identity: async () => ({ revision: 'r', tls, authorization: current }),
          refresh: () => {
            reads += 1;
            current = authorization ?? '';
          },
        },
      }),
    );
    await client.list(kinds.ConfigMap, { namespace }, never);
    expect(reads).toBe(1);
    client.transport.close();
  });

  it('lists again after a 410 from a compacted server, and misses neither change nor deletion', async () => {
    namespace = await freshNamespace(admin);
    proxy.fault = () => ({});
    for (const name of ['stays', 'goes', 'changes']) await apply(parent(name, 1, 'red'));
    const engine = startSampleEngine({ credentials: proxy.credentials, namespace });
    const deleted: string[] = [];
    engine.source.onChange(({ type, object }) => {
      if (type === 'Deleted') deleted.push(object.metadata.name);
    });
    await engine.sources.synced();
    await eventually(async () => settled(await list()));
    const before = engine.source.cache.get(`${namespace}/stays`)?.metadata.resourceVersion ?? '';

    // The engine sees nothing during the compaction: its watch breaks and no new one gets through.
    proxy.fault = ({ isWatch }) => (isWatch ? { cut: 'before' } : {});
    await plane.controlPlane.restart('kube-apiserver', never);
    await admin.delete(kinds.ConfigMap, namespace, 'goes', {}, never);
    await apply(parent('changes', 3, 'blue'));
    await compact();
    await plane.controlPlane.restart('kube-apiserver', never);

    const stream = admin.transport.stream(
      {
        method: 'GET',
        path: resourcePath(kinds.ConfigMap, namespace),
        query: { watch: true, resourceVersion: before },
      },
      never,
    );
    for await (const line of stream) {
      // The simulated server answers in the same shape.
      expect(JSON.parse(String(line))).toMatchObject({
        type: 'ERROR',
        object: { kind: 'Status', code: 410, reason: 'Expired' },
      });
      break;
    }
    proxy.fault = () => ({});
    await eventually(async () => {
      const objects = await list();
      return settled(objects) && versionsOf(engine.source.cache.list()).join() === versionsOf(objects).join();
    }, 60_000);
    expect(deleted).toContain('goes');
    await engine.stop();
  });

  it(`keeps up with a fleet of ${FLEET_PARENTS} × ${FLEET_CHILDREN}, and is idle afterwards`, async () => {
    namespace = await freshNamespace(admin);
    proxy.fault = () => ({});
    for (let index = 0; index < FLEET_PARENTS; index += 20) {
      const names = Array.from({ length: Math.min(20, FLEET_PARENTS - index) }, (_, n) => `p-${index + n}`);
      await Promise.all(names.map((name) => apply(parent(name, FLEET_CHILDREN, 'red'))));
    }
    const engine = startSampleEngine({ credentials: plane.controlPlane.credentials, namespace });
    const expected = FLEET_PARENTS * (FLEET_CHILDREN + 2) + 1;
    await eventually(() => engine.source.cache.size === expected, 1_200_000);
    await eventually(
      async () => versionsOf(engine.source.cache.list()).join() === versionsOf(await list()).join(),
      60_000,
    );
    expect(new Set(engine.calls).size).toBe(engine.calls.length);
    const writes = async () =>
      (await engine.registry.metrics())
        .split('\n')
        .filter((line) => /^rest_client_requests_total.*method="(PATCH|POST|PUT|DELETE)"/.test(line))
        .join();
    const before = await writes();
    await sleep(5000);
    expect(await writes()).toBe(before);
    await engine.stop();
  }, 1_300_000);

  it(
    `converges after ${FAULT_SECONDS} s of cut watches, lost answers, errors, clock jumps and a killed server, and does nothing twice (seed ${SEED})`,
    async () => {
      process.stderr.write(`engine faults: SEED=${SEED} FAULT_SECONDS=${FAULT_SECONDS}\n`);
      namespace = await freshNamespace(admin);
      const random = seeded(SEED);
      proxy.fault = chaos(random);
      const engine = startSampleEngine({ credentials: proxy.credentials, namespace, requestTimeoutMs: 5000 });
      const endsAt = performance.now() + FAULT_SECONDS * 1000;
      const realNow = systemClock.now;
      let restarts = 0;
      try {
        while (performance.now() < endsAt) {
          const name = `p-${Math.floor(random() * 10)}`;
          const action =
            random() < 0.12
              ? admin.delete(kinds.ConfigMap, namespace, name, {}, never)
              : apply(parent(name, Math.floor(random() * 4), `colour-${Math.floor(random() * 5)}`));
          await action.catch(() => {});
          // The wall clock jumps; the engine must not use it to measure durations.
          const offset = random() < 0.5 ? 0 : (random() - 0.5) * 2 * HOUR_MS;
          Object.assign(systemClock, { now: () => realNow() + offset });
          const halfway = performance.now() > endsAt - FAULT_SECONDS * 500;
          if (restarts === 0 && halfway) {
            restarts += 1;
            await plane.controlPlane.restart('kube-apiserver', never);
          }
          await sleep(random() * 100);
        }
      } finally {
        Object.assign(systemClock, { now: realNow });
      }
      proxy.fault = () => ({});
      await eventually(async () => {
        const objects = await list();
        const seen = objects
          .filter(({ metadata }) => metadata.labels?.[PARENT])
          .every(
            ({ metadata }) =>
              engine.reconciled.get(`${namespace}/${metadata.name}`) === metadata.resourceVersion,
          );
        return (
          seen &&
          settled(objects) &&
          versionsOf(engine.source.cache.list()).join() === versionsOf(objects).join()
        );
      }, 180_000);
      expect(restarts).toBe(1);
      expect(new Set(engine.calls).size).toBe(engine.calls.length);
      await engine.stop();
    },
    FAULT_SECONDS * 1000 + 300_000,
  );
});

function chaos(random: () => number): (asked: Asked) => ProxyFault {
  return ({ isWatch }) => {
    const dice = random();
    if (isWatch) {
      if (dice < 0.7)
        return { cutAfterMs: random() * 2000, ...(dice < 0.2 ? { lagMs: random() * 500 } : {}) };
      return dice < 0.8 ? { cut: 'before' } : {};
    }
    if (dice < 0.04) return { cut: 'before' };
    if (dice < 0.08) return { cut: 'after' };
    if (dice < 0.12) return { status: 500 };
    if (dice < 0.16) return { status: 429, retryAfterSeconds: 1 };
    if (dice < 0.2) return { answerDelayMs: random() * 3000 };
    return {};
  };
}
