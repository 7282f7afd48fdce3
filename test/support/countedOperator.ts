import { Registry } from 'prom-client';
import { systemClock } from '../../src/base/clock.ts';
import type { Logger } from '../../src/base/logger.ts';
import { runManager } from '../../src/engine/controller/manager.ts';
import { ControllerMetrics } from '../../src/engine/controller/metrics.ts';
import { Sources } from '../../src/engine/controller/sources.ts';
import { isForbidden } from '../../src/engine/kube/apiError.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import type { Credentials } from '../../src/engine/kube/credentials.ts';
import { EventRecorder } from '../../src/engine/kube/eventRecorder.ts';
import { type KubeObject, keyOf, kinds } from '../../src/engine/kube/kubeObject.ts';
import { HttpsTransport, type KubeRequest, type Transport } from '../../src/engine/kube/transport.ts';
import { controllers } from '../../src/operator/operator.ts';
import type { ClusterField } from '../../src/operator/resource/databaseClusters.ts';
import { watchStacks } from '../../src/operator/state/stackSources.ts';
import { never } from './cluster.ts';

/** A request of the operator that asked the API server to change something. */
interface Write {
  readonly method: string;
  readonly path: string;
  readonly isRefused: boolean;
}

const lineOf = (level: string, message: string, fields: object = {}): string =>
  `${new Date().toISOString()} ${level} ${message} ${JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? String(value) : value))}`;

/** Keeps what is worth a look when a test fails. */
const loggerInto = (log: string[]): Logger => ({
  debug: () => {},
  info: (message, fields) => log.push(lineOf('info', message, fields)),
  warn: (message, fields) => log.push(lineOf('warn', message, fields)),
  error: (message, fields) => log.push(lineOf('error', message, fields)),
  child: () => loggerInto(log),
});

export interface CountedOperator {
  /** All writes so far, dry runs excepted. */
  readonly writes: readonly Write[];
  /** Requests that its rights do not allow, each once. */
  readonly forbidden: ReadonlySet<string>;
  /** Its log, and its writes with their time. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

/** The operator in this process, for one namespace, with a record of what it writes. */
export function startCountedOperator(
  credentials: Credentials,
  namespace: string,
  databaseOperators: readonly ClusterField[] = [],
  /** Awaited before a request is sent. */
  before: (request: KubeRequest) => Promise<void> = async () => {},
): CountedOperator {
  const registry = new Registry();
  const metrics = new ControllerMetrics(registry);
  const log: string[] = [];
  const common = { clock: systemClock, random: Math.random, logger: loggerInto(log) };
  const writes: Write[] = [];
  const forbidden = new Set<string>();
  const client = new KubeClient(
    recording(
      new HttpsTransport({
        credentials,
        clock: systemClock,
        userAgent: 'operator/test',
        queriesPerSecond: 1000,
        burst: 1000,
      }),
      { writes, forbidden, log, before },
    ),
  );
  const sources = new Sources({ client, namespaces: [namespace], ...common, registry });
  const stackSources = watchStacks(sources, databaseOperators);
  const recorder = new EventRecorder({ client, component: 'waba-operator', ...common });
  const stop = new AbortController();
  const parts = {
    ...common,
    client,
    shards: undefined,
    fence: undefined,
    version: 'test',
    release: { stack: 'waba-stack:test', database: 'postgres' },
    namespaces: [namespace],
    installation: { namespace, name: 'operator' },
    registry,
    metrics,
    sources,
    stackSources,
    recorder,
  };
  const { workloads, application, backups, reports, claimed } = controllers(parts, stop.signal);
  const health = { host: '127.0.0.1', port: 0 };
  const running = runManager(
    {
      ...common,
      sources,
      controllers: [workloads, application, backups],
      registry,
      metrics,
      health,
      shutdownGraceMs: 1000,
      beforeRelease: async (patience) => {
        await recorder.flush(patience);
        await claimed.release();
      },
    },
    stop.signal,
  );
  return {
    writes,
    forbidden,
    log,
    stop: async () => {
      stop.abort();
      await running;
      reports.close();
      client.transport.close();
    },
  };
}

function recording(
  inner: Transport,
  {
    writes,
    forbidden,
    log,
    before,
  }: {
    readonly writes: Write[];
    readonly forbidden: Set<string>;
    readonly log: string[];
    readonly before: (request: KubeRequest) => Promise<void>;
  },
): Transport {
  const noting = ({ method, path }: KubeRequest, error: unknown) => {
    if (isForbidden(error)) forbidden.add(`${method} ${path}`);
    return error;
  };
  const request = async (asked: KubeRequest, signal: AbortSignal): Promise<unknown> => {
    const isWrite = asked.method !== 'GET' && asked.query?.dryRun === undefined;
    const note = (isRefused: boolean) => {
      if (!isWrite) return;
      writes.push({ method: asked.method, path: asked.path, isRefused });
      log.push(lineOf(isRefused ? 'refused' : 'written', `${asked.method} ${asked.path}`));
    };
    try {
      await before(asked);
      const answer = await inner.request(asked, signal);
      note(false);
      return answer;
    } catch (error) {
      note(true);
      throw noting(asked, error);
    }
  };
  return {
    request,
    stream: async function* (asked, signal) {
      try {
        yield* inner.stream(asked, signal);
      } catch (error) {
        throw noting(asked, error);
      }
    },
    text: (asked, signal) =>
      inner.text(asked, signal).catch((error: unknown) => {
        throw noting(asked, error);
      }),
    close: () => inner.close(),
  };
}

/** Plays the kubelet of a namespace until `signal` fires: pods run and are ready, and those of Jobs succeed. */
export async function playKubelet(client: KubeClient, namespace: string, signal: AbortSignal): Promise<void> {
  const done = new Set<string>();
  while (!signal.aborted) {
    const { items } = await client.list<KubeObject>(kinds.Pod, { namespace }, never);
    for (const pod of items) {
      if (pod.metadata.deletionTimestamp) {
        const options = { gracePeriodSeconds: 0 };
        await client.delete(kinds.Pod, namespace, pod.metadata.name, options, never).catch(() => undefined);
        continue;
      }
      if (done.has(pod.metadata.uid ?? '')) continue;
      const status = statusOf(pod);
      const path = `/api/v1/namespaces/${namespace}/pods/${pod.metadata.name}/status`;
      await client.transport
        .request(
          { method: 'PATCH', path, contentType: 'application/merge-patch+json', body: { status } },
          never,
        )
        .then(() => done.add(pod.metadata.uid ?? ''))
        .catch((error: unknown) => process.stderr.write(`pod ${keyOf(pod)}: ${error}\n`));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function statusOf({ metadata, spec }: KubeObject): object {
  const isJob = metadata.labels?.['batch.kubernetes.io/job-name'] !== undefined;
  const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const { containers = [] } = spec as { containers?: readonly { name: string; image: string }[] };
  const state = isJob
    ? { terminated: { exitCode: 0, startedAt: now, finishedAt: now } }
    : { running: { startedAt: now } };
  return {
    phase: isJob ? 'Succeeded' : 'Running',
    startTime: now,
    conditions: [
      { type: 'Ready', status: isJob ? 'False' : 'True', lastTransitionTime: now },
      { type: 'ContainersReady', status: isJob ? 'False' : 'True', lastTransitionTime: now },
    ],
    containerStatuses: containers.map(({ name, image }) => ({
      name,
      image,
      imageID: image,
      ready: !isJob,
      started: !isJob,
      restartCount: 0,
      state,
    })),
  };
}
