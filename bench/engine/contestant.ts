// One of the engines that bench/engine compares, as a process of its own: `ours`, or the informer of Kubernetes' own
// client for JavaScript. The third is bench/engine/go. It reports on stdout, one JSON object a line.
import { readFile } from 'node:fs/promises';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import type { V1Pod } from '@kubernetes/client-node';
import { load } from 'js-yaml';
import { Registry } from 'prom-client';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { Controller } from '../../src/engine/controller/controller.ts';
import { ControllerMetrics } from '../../src/engine/controller/metrics.ts';
import { type Source, Sources } from '../../src/engine/controller/sources.ts';
import { isAlreadyExists } from '../../src/engine/kube/apiError.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import type { Credentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, keyOf, kinds } from '../../src/engine/kube/kubeObject.ts';
import { HttpsTransport } from '../../src/engine/kube/transport.ts';

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'ours' },
    config: { type: 'string', default: '' },
    namespace: { type: 'string', default: 'default' },
    mode: { type: 'string', default: 'pods' },
  },
});
const { config: path, namespace, mode } = values;

const epochMs = () => performance.timeOrigin + performance.now();
const say = (event: object) => void process.stdout.write(`${JSON.stringify(event)}\n`);
const seen = (name: string, annotations: Readonly<Record<string, string>> | undefined, atMs: number) => {
  if (annotations?.round) say({ event: 'reconcile', name, round: annotations.round, atMs });
};
// Measuring the event loop costs more than an idle controller, so it is on only while syncing, and after SIGUSR2.
const delay = monitorEventLoopDelay({ resolution: 1 });
let watchesLoop = mode === 'pods';
let longestCollectionMs = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longestCollectionMs = Math.max(longestCollectionMs, duration);
}).observe({ entryTypes: ['gc'] });
process.on('SIGUSR2', () => {
  if (watchesLoop) {
    delay.disable();
    say({ event: 'loop', maxMs: delay.max / 1e6, longestCollectionMs });
  } else {
    longestCollectionMs = 0;
    delay.reset();
    delay.enable();
  }
  watchesLoop = !watchesLoop;
});
process.on('SIGTERM', () => process.exit(0));

const startedAt = performance.now();
if (watchesLoop) delay.enable();
if (values.engine === 'ours') await ours();
else await informer();
say({ event: 'synced', ms: performance.now() - startedAt });

async function ours(): Promise<void> {
  const common = { clock: systemClock, random: Math.random, logger: silentLogger };
  const client = new KubeClient(
    new HttpsTransport({
      credentials: await credentials(),
      clock: systemClock,
      userAgent: 'bench-ours',
      queriesPerSecond: 5000,
      burst: 5000,
    }),
  );
  const { signal } = new AbortController();
  const sources = new Sources({ client, namespaces: [namespace], ...common });
  const pods = mode === 'pods' ? sources.watch<KubeObject>({ kind: kinds.Pod }) : undefined;
  const parents = mode === 'fleet' ? sources.watch<KubeObject>({ kind: kinds.ConfigMap }) : undefined;
  const children = mode === 'fleet' ? sources.watch<KubeObject>({ kind: kinds.Secret }) : undefined;
  const controller = new Controller({
    name: 'bench',
    ...common,
    metrics: new ControllerMetrics(new Registry()),
    reconcile: async (key) => {
      const atMs = epochMs();
      const pod = pods?.cache.get(key);
      if (pod) seen(pod.metadata.name, pod.metadata.annotations, atMs);
      const owner = parents?.cache.get(key);
      if (owner && children) await makeChildren(owner, client, children, signal);
      return {};
    },
  });
  pods?.onChange(({ object }) => controller.queue.add(keyOf(object)));
  parents?.onChange(({ object }) => controller.queue.add(keyOf(object)));
  children?.onChange(({ object }) => {
    for (const owner of object.metadata.ownerReferences ?? [])
      controller.queue.add(`${namespace}/${owner.name}`);
  });
  void sources.run(signal);
  await sources.synced();
  void controller.run(signal, signal);
}

/** Creates the children of a parent that the cache does not know yet. */
async function makeChildren(
  owner: KubeObject,
  client: KubeClient,
  children: Source<KubeObject>,
  signal: AbortSignal,
): Promise<void> {
  const count = Number((owner.data as Record<string, string> | undefined)?.children);
  if (!Number.isInteger(count)) return;
  const { name, uid = '' } = owner.metadata;
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name, uid, controller: true }];
  for (let index = 0; index < count; index++) {
    const child = `${name}-${index}`;
    if (children.cache.get(`${namespace}/${child}`)) continue;
    const secret: KubeObject = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: child, namespace, ownerReferences },
      stringData: { index: String(index) },
    };
    const made = await client
      .create<KubeObject>(secret, { fieldManager: 'bench' }, signal)
      .catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
        return undefined;
      });
    if (made) children.cache.observeWrite(made);
  }
  say({ event: 'done', name, atMs: epochMs() });
}

/** Reads the client certificate of the kubeconfig without Kubernetes' own client, as the engine does in a cluster. */
async function credentials(): Promise<Credentials> {
  const config = load(await readFile(path, 'utf8')) as {
    clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
    users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
  };
  const [[{ cluster }], [{ user }]] = [config.clusters, config.users];
  const decode = (data: string) => Buffer.from(data, 'base64');
  const tls = {
    ca: decode(cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  };
  return { server: cluster.server, namespace, identity: async () => ({ revision: 'bench', tls }) };
}

async function informer(): Promise<void> {
  const { CoreV1Api, KubeConfig, makeInformer } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromFile(path);
  const api = config.makeApiClient(CoreV1Api);
  const watched = makeInformer<V1Pod>(config, `/api/v1/namespaces/${namespace}/pods`, () =>
    api.listNamespacedPod({ namespace }),
  );
  const told = (pod: V1Pod) => seen(pod.metadata?.name ?? '', pod.metadata?.annotations, epochMs());
  watched.on('add', told);
  watched.on('update', told);
  // Its documentation shows this restart: without it, the informer stops at the first error.
  watched.on('error', () => setTimeout(() => void watched.start(), 1000));
  await watched.start();
}
