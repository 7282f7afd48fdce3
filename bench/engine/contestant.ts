// One of the engines that bench/engine compares, as a process of its own: `ours`, or the informer of Kubernetes' own
// client for JavaScript. The third is bench/engine/go. What happens is told on stdout, one JSON object a line.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { CoreV1Api, KubeConfig, makeInformer, type V1Pod } from '@kubernetes/client-node';
import { Registry } from 'prom-client';
import { Controller } from '../../src/controller/controller.ts';
import { ControllerMetrics } from '../../src/controller/metrics.ts';
import { Sources } from '../../src/controller/sources.ts';
import { isAlreadyExists } from '../../src/kube/apiError.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { kubeconfigCredentials } from '../../src/kube/credentials.ts';
import { type KubeObject, keyOf, kinds } from '../../src/kube/kubeObject.ts';
import { HttpsTransport } from '../../src/kube/transport.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';

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
const delay = monitorEventLoopDelay({ resolution: 1 });
process.on('SIGUSR2', () => {
  say({ event: 'loop', maxMs: delay.max / 1e6 });
  delay.reset();
});
process.on('SIGTERM', () => process.exit(0));

const startedAt = performance.now();
delay.enable();
if (values.engine === 'ours') await ours();
else await informer();
say({ event: 'synced', ms: performance.now() - startedAt });

async function ours(): Promise<void> {
  const common = { clock: systemClock, random: Math.random, logger: silentLogger };
  const client = new KubeClient(
    new HttpsTransport({
      credentials: await kubeconfigCredentials(systemClock, { path }),
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
      if (owner) await makeChildren(owner);
      return {};
    },
  });
  const makeChildren = async (owner: KubeObject) => {
    const count = Number((owner.data as Record<string, string> | undefined)?.children);
    if (!Number.isInteger(count)) return;
    const { name, uid = '' } = owner.metadata;
    for (let index = 0; index < count; index++) {
      const child = `${name}-${index}`;
      if (children?.cache.get(`${namespace}/${child}`)) continue;
      const made = await client
        .create<KubeObject>(
          {
            apiVersion: 'v1',
            kind: 'Secret',
            metadata: {
              name: child,
              namespace,
              ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name, uid, controller: true }],
            },
            stringData: { index: String(index) },
          },
          { fieldManager: 'bench' },
          signal,
        )
        .catch((error: unknown) => {
          if (!isAlreadyExists(error)) throw error;
          return undefined;
        });
      if (made) children?.cache.observeWrite(made);
    }
    say({ event: 'done', name, atMs: epochMs() });
  };
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

async function informer(): Promise<void> {
  const config = new KubeConfig();
  config.loadFromFile(path);
  const api = config.makeApiClient(CoreV1Api);
  const watched = makeInformer<V1Pod>(config, `/api/v1/namespaces/${namespace}/pods`, () =>
    api.listNamespacedPod({ namespace }),
  );
  const told = (pod: V1Pod) => seen(pod.metadata?.name ?? '', pod.metadata?.annotations, epochMs());
  watched.on('add', told);
  watched.on('update', told);
  // Without a restart it would be blind from the first error on; its documentation shows this.
  watched.on('error', () => setTimeout(() => void watched.start(), 1000));
  await watched.start();
}
