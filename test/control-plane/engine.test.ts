import { Registry } from 'prom-client';
import { beforeAll, describe, expect, it } from 'vitest';
import { aborted } from '../../src/base/aborted.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { freePort } from '../../src/base/ports.ts';
import { Controller } from '../../src/engine/controller/controller.ts';
import { runManager } from '../../src/engine/controller/manager.ts';
import { ControllerMetrics } from '../../src/engine/controller/metrics.ts';
import { Sources } from '../../src/engine/controller/sources.ts';
import { ApiError } from '../../src/engine/kube/apiError.ts';
import { Applier } from '../../src/engine/kube/applier.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { missingFromServer } from '../../src/engine/kube/discovery.ts';
import { EventRecorder } from '../../src/engine/kube/eventRecorder.ts';
import {
  type KubeObject,
  keyOf,
  kinds,
  type ResourceKind,
  splitKey,
} from '../../src/engine/kube/kubeObject.ts';
import { LeaderElection } from '../../src/engine/kube/leaderElection.ts';
import { kubernetesVersion, minorOf } from '../../src/local/kubernetesVersions.ts';
import { freshNamespace, never, testClient } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';

let client: KubeClient;
let namespace: string;

beforeAll(async () => {
  client = await testClient();
  namespace = await freshNamespace(client);
});

const configMap = (name: string, data: Record<string, string>, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, ...metadata },
  data,
});
const common = { clock: systemClock, random: Math.random, logger: silentLogger };

describe('the engine on a real API server', () => {
  it('runs on the version of Kubernetes that was asked for', async ({ skip }) => {
    const { KUBEBUILDER_ASSETS, KUBERNETES_VERSION } = process.env;
    skip(Boolean(KUBEBUILDER_ASSETS) && !KUBERNETES_VERSION, 'KUBEBUILDER_ASSETS may hold any version');
    const { gitVersion } = (await client.transport.request({ method: 'GET', path: '/version' }, never)) as {
      gitVersion: string;
    };
    // A published archive may be of another patch version.
    expect(minorOf(gitVersion)).toBe(minorOf(kubernetesVersion(process.env)));
  });

  it('types refusals', async () => {
    const missing = await client
      .get(kinds.ConfigMap, namespace, 'missing', never)
      .catch((error: unknown) => error);
    expect(missing).toMatchObject({ code: 'NotFound', status: 404, retriable: false });
    const unknown = await client
      .apply({ ...configMap('typo', {}), dta: {} }, { fieldManager: 'test' }, never)
      .catch((error: unknown) => error);
    expect(unknown).toBeInstanceOf(ApiError);
    expect((unknown as ApiError).message).toMatch(/\.dta: field not declared in schema|unknown field/);
  });

  it('reports at the start what the server lacks, and how to install it', async () => {
    const gadget = {
      apiVersion: 'test.example.org/v9',
      kind: 'Gadget',
      plural: 'gadgets',
      namespaced: true,
    };
    const check = (minimumVersion: string, ...wanted: ResourceKind[]) =>
      missingFromServer(client, { kinds: wanted, minimumVersion }, never);
    expect(await check('1.32', kinds.Deployment, kinds.Secret)).toEqual([]);
    expect(await check('1.32', kinds.Deployment, gadget)).toEqual([
      'test.example.org/v9 Gadget is not served; install the CustomResourceDefinition gadgets.test.example.org',
    ]);
    expect(await check('1.99')).toEqual([
      expect.stringMatching(/^Kubernetes v1\.\d+\.\d+ is too old; 1\.99 or later/),
    ]);
  });

  it('keeps a cache equal to a list, through additions, changes, deletions and recreation', async () => {
    const stop = new AbortController();
    const sources = new Sources({ client, namespaces: [namespace], ...common });
    const source = sources.watch({
      kind: kinds.ConfigMap,
      indexes: { colour: (object) => [object.metadata.labels?.colour ?? 'none'] },
    });
    await client.create(configMap('before', {}), { fieldManager: 'test' }, never);
    const running = sources.run(stop.signal);
    await sources.synced();
    expect(source.cache.get(`${namespace}/before`)).toBeDefined();

    await client.create(configMap('a', {}, { labels: { colour: 'red' } }), { fieldManager: 'test' }, never);
    await eventually(async () => source.cache.byIndex('colour', 'red').length === 1);
    const first = source.cache.get(`${namespace}/a`)?.metadata.uid;
    await client.delete(kinds.ConfigMap, namespace, 'a', {}, never);
    await client.create(configMap('a', {}, { labels: { colour: 'blue' } }), { fieldManager: 'test' }, never);
    await eventually(async () => source.cache.byIndex('colour', 'blue').length === 1);
    expect(source.cache.get(`${namespace}/a`)?.metadata.uid).not.toBe(first);
    expect(source.cache.byIndex('colour', 'red')).toEqual([]);

    const { items } = await client.list(kinds.ConfigMap, { namespace }, never);
    expect(source.cache.keys().sort()).toEqual(items.map(keyOf).sort());
    stop.abort();
    await running;
  });

  it('writes nothing in steady state, and only if its own fields differ', async () => {
    const recorder = new EventRecorder({ client, component: 'test', ...common });
    const applier = new Applier({
      client,
      fieldManager: 'waba-operator',
      annotationPrefix: 'sample.dev',
      recorder,
      clock: systemClock,
    });
    const subject = await client.create(configMap('subject', {}), { fieldManager: 'test' }, never);
    const live = () => client.get(kinds.ConfigMap, namespace, 'mine', never).catch(() => undefined);
    const ensure = async (data: Record<string, string>) =>
      (
        await applier.ensure(
          { desired: configMap('mine', data), live: await live(), controlled: () => true, subject },
          never,
        )
      ).outcome;

    expect(await ensure({ a: '1', b: '2' })).toBe('written');
    expect(await ensure({ a: '1', b: '2' })).toBe('unchanged');
    await client.mergePatch(kinds.ConfigMap, { namespace, name: 'mine' }, { data: { foreign: 'x' } }, never);
    expect(await ensure({ a: '1', b: '2' })).toBe('unchanged');
    // A field that left the manifest is removed, a foreign one stays.
    expect(await ensure({ a: '1' })).toBe('written');
    expect((await live())?.data).toEqual({ a: '1', foreign: 'x' });
  });

  it('reclaims a field with an event that names the other manager, and stops when the field is contested', async () => {
    const recorder = new EventRecorder({ client, component: 'test', ...common });
    const applier = new Applier({
      client,
      fieldManager: 'waba-operator',
      annotationPrefix: 'sample.dev',
      recorder,
      clock: systemClock,
    });
    const subject = await client.create(configMap('subject2', {}), { fieldManager: 'test' }, never);
    const desired = configMap('contested', { a: 'ours' });
    const ensure = async () =>
      (
        await applier.ensure(
          {
            desired,
            live: await client.get(kinds.ConfigMap, namespace, 'contested', never).catch(() => undefined),
            controlled: () => true,
            subject,
          },
          never,
        )
      ).outcome;
    await ensure();
    const outcomes: string[] = [];
    for (let round = 0; round < 6; round++) {
      await client.apply(
        configMap('contested', { a: `theirs ${round}` }),
        { fieldManager: 'rival', force: true },
        never,
      );
      outcomes.push(await ensure());
    }
    expect(outcomes).toEqual([...Array(5).fill('written'), 'contested']);
    const { items } = await client.list<KubeObject & { message: string }>(kinds.Event, { namespace }, never);
    expect(items.map(({ message }) => message)).toContain(
      'ConfigMap contested: data.a changed by rival, set back',
    );
  });

  it('never takes over an object that it does not control', async () => {
    const recorder = new EventRecorder({ client, component: 'test', ...common });
    const applier = new Applier({
      client,
      fieldManager: 'waba-operator',
      annotationPrefix: 'sample.dev',
      recorder,
      clock: systemClock,
    });
    const live = await client.create(configMap('foreign', { a: 'theirs' }), { fieldManager: 'test' }, never);
    await expect(
      applier.ensure(
        { desired: configMap('foreign', { a: 'ours' }), live, controlled: () => false, subject: live },
        never,
      ),
    ).rejects.toMatchObject({ code: 'NotControlled' });
  });

  it('runs a controller that sees its own writes, serves health and metrics, and stops', async () => {
    const scope = await freshNamespace(client);
    const stop = new AbortController();
    const registry = new Registry();
    const metrics = new ControllerMetrics(registry);
    const own = await testClient(metrics.requests);
    const sources = new Sources({ client: own, namespaces: [scope], ...common, registry });
    const source = sources.watch<KubeObject>({ kind: kinds.ConfigMap });
    let creations = 0;
    const controller = new Controller({
      name: 'copier',
      ...common,
      metrics,
      async reconcile(key, signal) {
        const { name } = splitKey(key);
        const copy = {
          ...configMap(`${name}-copy`, {}),
          metadata: { name: `${name}-copy`, namespace: scope },
        };
        if (!name.startsWith('original') || name.endsWith('-copy') || source.cache.get(keyOf(copy)))
          return {};
        creations += 1;
        source.cache.observeWrite(await own.create(copy, { fieldManager: 'test' }, signal));
        // Right after its own write, before the watch can report it.
        controller.queue.add(key);
        return {};
      },
    });
    source.onChange(({ object }) => controller.queue.add(keyOf(object)));
    const port = await freePort();
    const running = runManager(
      {
        sources,
        controllers: [controller],
        registry,
        metrics,
        clock: systemClock,
        logger: silentLogger,
        health: { host: '127.0.0.1', port },
      },
      stop.signal,
    );
    await eventually(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
    await eventually(() => metrics.isWorking);
    await client.create(
      { ...configMap('original', {}), metadata: { name: 'original', namespace: scope } },
      { fieldManager: 'test' },
      never,
    );
    await eventually(() => client.get(kinds.ConfigMap, scope, 'original-copy', never));
    const exported = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(exported).toContain('controller_runtime_reconcile_total{controller="copier",result="success"}');
    expect(exported).toContain('workqueue_adds_total{name="copier",controller="copier"}');
    expect(exported).toContain('watch_last_event_age_seconds{kind="ConfigMap"}');
    expect(exported).toContain('workqueue_longest_running_processor_seconds{name="copier"');
    expect(exported).toMatch(
      /rest_client_requests_total\{method="POST",host="127\.0\.0\.1:\d+",code="201"\}/,
    );
    stop.abort();
    await running;
    expect(metrics.isWorking).toBe(false);
    expect(creations).toBe(1);
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
  });

  it('has one leader, who hands over on release', async () => {
    const election = (identity: string) =>
      new LeaderElection({ client, namespace, name: 'lease', identity, ...common });
    const [first, second] = [election('first'), election('second')];
    const stop = new AbortController();
    await first.acquire(never);
    const holding = first.lead(async () => void (await aborted(stop.signal)));
    let won = false;
    const winning = second.acquire(never).then(() => {
      won = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(won).toBe(false);
    expect(() => second.assertLeader()).toThrow(/nothing is written/);
    stop.abort();
    await holding;
    expect(first.isLeader).toBe(false);
    await winning;
    expect(second.isLeader).toBe(true);
  });
});
