import { Registry } from 'prom-client';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { Controller } from '../../src/engine/controller/controller.ts';
import { ControllerMetrics } from '../../src/engine/controller/metrics.ts';
import { type Source, Sources } from '../../src/engine/controller/sources.ts';
import { Applier } from '../../src/engine/kube/applier.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import type { Credentials } from '../../src/engine/kube/credentials.ts';
import { EventRecorder } from '../../src/engine/kube/eventRecorder.ts';
import { type KubeObject, keyOf, kinds } from '../../src/engine/kube/kubeObject.ts';
import { HttpsTransport } from '../../src/engine/kube/transport.ts';
import { SAMPLE_INDEXES, sampleKey, sampleReconcile } from './sampleReconcile.ts';

export interface SampleEngine {
  readonly client: KubeClient;
  readonly source: Source<KubeObject>;
  readonly sources: Sources;
  readonly registry: Registry;
  /** Outside calls that were made. */
  readonly calls: readonly string[];
  /** The version of each parent that its last reconcile saw. */
  readonly reconciled: ReadonlyMap<string, string | undefined>;
  stop(): Promise<void>;
}

/** The engine with the sample controller, in this process, over a real connection. */
export function startSampleEngine(options: {
  credentials: Credentials;
  namespace: string;
  requestTimeoutMs?: number;
  userAgent?: string;
}): SampleEngine {
  const registry = new Registry();
  const metrics = new ControllerMetrics(registry);
  const common = { clock: systemClock, random: Math.random, logger: silentLogger };
  const client = new KubeClient(
    new HttpsTransport({
      credentials: options.credentials,
      clock: systemClock,
      userAgent: options.userAgent ?? 'sample/1',
      observer: metrics.requests,
      queriesPerSecond: 2000,
      burst: 2000,
      ...(options.requestTimeoutMs ? { requestTimeoutMs: options.requestTimeoutMs } : {}),
    }),
  );
  const sources = new Sources({ client, namespaces: [options.namespace], ...common, registry });
  const source = sources.watch<KubeObject>({ kind: kinds.ConfigMap, indexes: SAMPLE_INDEXES });
  const calls: string[] = [];
  const reconciled = new Map<string, string | undefined>();
  const recorder = new EventRecorder({ client, component: 'sample', ...common });
  const reconcile = sampleReconcile({
    source,
    client,
    applier: new Applier({
      client,
      fieldManager: 'sample',
      annotationPrefix: 'sample.dev',
      recorder,
      clock: systemClock,
    }),
    callOnce: (key, revision) => void calls.push(`${key} ${revision}`),
  });
  const controller = new Controller({
    name: 'sample',
    ...common,
    metrics,
    workers: 8,
    reconcile: async (key, signal, logger) => {
      const seen = source.cache.get(key)?.metadata.resourceVersion;
      const result = await reconcile(key, signal, logger);
      reconciled.set(key, seen);
      return result;
    },
  });
  source.onChange(({ object }) => controller.queue.add(sampleKey(object)));
  const stop = new AbortController();
  const watching = sources.run(stop.signal);
  const working = sources.synced().then(() => controller.run(stop.signal, stop.signal));
  return {
    client,
    source,
    sources,
    registry,
    calls,
    reconciled,
    stop: async () => {
      stop.abort();
      await Promise.all([watching, working]);
      client.transport.close();
    },
  };
}

/** Objects as `key uid version`, so that two views can be compared. */
export const versionsOf = (objects: readonly KubeObject[]): string[] =>
  objects
    .map((object) => `${keyOf(object)} ${object.metadata.uid} ${object.metadata.resourceVersion}`)
    .sort();
