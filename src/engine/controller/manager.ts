import type { Registry } from 'prom-client';
import { aborted } from '../../base/aborted.ts';
import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import type { Controller } from './controller.ts';
import { startHealthServer } from './healthServer.ts';
import type { ControllerMetrics } from './metrics.ts';
import type { Shards, ShardWork } from './shards.ts';
import type { Sources } from './sources.ts';

export interface ManagerRunOptions {
  readonly sources: Sources;
  readonly controllers: readonly Controller[];
  readonly registry: Registry;
  /** Further lines for `/metrics`. */
  readonly moreMetrics?: () => string;
  readonly metrics: ControllerMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where to serve `/healthz`, `/readyz` and `/metrics`; absent: nowhere. */
  readonly health?: { readonly host: string; readonly port: number } | undefined;
  /** Absent: this process is the only replica. */
  readonly shards?: Shards | undefined;
  /** Runs when all work on a shard is done, while its lease is still ours. */
  readonly beforeRelease?: (signal: AbortSignal, shard: number) => Promise<void>;
  /** Work on a shard begins: its caches are full. */
  readonly onOpen?: (shard: number) => void;
  /** Another replica may work on the shard now. */
  readonly onEnd?: (shard: number) => void;
  /** How long reconciles under way may run after `signal`; less than the pod's grace period. */
  readonly shutdownGraceMs?: number;
}

const MANAGER_DEFAULTS = {
  /** The default grace period of a pod is 30 s. */
  shutdownGraceMs: 20_000,
  /** A watch that is silent for this long makes the process unhealthy; the watchdog acts much earlier. */
  silentWatchMs: 5 * 60_000,
} as const;

/**
 * Runs the controllers of a process: it fills the caches, then takes its shards, then works. Returns when `signal` has
 * fired and the reconciles under way have ended, or when a lease is lost, because nothing may be written then.
 */
export async function runManager(options: ManagerRunOptions, signal: AbortSignal): Promise<void> {
  const { sources, controllers, registry, metrics, logger, shards } = options;
  let settled = false;
  metrics.observeQueues(new Map(controllers.map(({ name, queue }) => [name, queue])));
  const health =
    options.health &&
    (await startHealthServer({
      ...options.health,
      registry,
      moreMetrics: options.moreMetrics,
      liveness: () => (settled ? sources.silent(MANAGER_DEFAULTS.silentWatchMs) : []),
      // Kinds that we may not read make the process not ready, but it works on the rest.
      readiness: () => (settled ? sources.missing() : ['caches not synced', ...sources.missing()]),
    }));
  if (health) logger.info('serving health and metrics', { port: health.port });

  // Watches outlive the work, so that the last reconciles still see their own writes.
  const watches = new AbortController();
  const watching = sources.run(watches.signal);
  try {
    await Promise.race([sources.settled(), aborted(signal)]);
    settled = !signal.aborted;
    if (settled) logger.info('caches synced');
    if (!shards) return await workAlone(options, signal);

    for (const lease of shards.leaseNames) metrics.leading(lease, false);
    const never = new AbortController().signal;
    await Promise.all([
      shards.run(shardWork(options, shards), signal),
      ...controllers.map((controller) => controller.run(shards.ending, never)),
    ]);
  } finally {
    watches.abort();
    await watching;
    await health?.close();
    logger.info('stopped');
  }
}

/** As the only replica. */
async function workAlone(options: ManagerRunOptions, signal: AbortSignal): Promise<void> {
  const { controllers, metrics, logger, clock } = options;
  logger.info('controllers started', { controllers: controllers.map(({ name }) => name) });
  const abort = new AbortController();
  let disarm = () => {};
  const onStop = () => {
    const graceMs = options.shutdownGraceMs ?? MANAGER_DEFAULTS.shutdownGraceMs;
    const reason = new CodedError('Stopping', `not finished ${graceMs} ms after the stop`);
    disarm = clock.after(graceMs, () => abort.abort(reason));
  };
  if (signal.aborted) onStop();
  signal.addEventListener('abort', onStop, { once: true });
  metrics.working(true);
  await Promise.all(controllers.map((controller) => controller.run(signal, abort.signal)));
  metrics.working(false);
  await options.beforeRelease?.(abort.signal, 0);
  disarm();
  signal.removeEventListener('abort', onStop);
}

function shardWork(options: ManagerRunOptions, shards: Shards): ShardWork {
  const { controllers, sources, metrics, logger } = options;
  const lease = (shard: number) => shards.leaseNames[shard] ?? '';
  return {
    graceMs: options.shutdownGraceMs ?? MANAGER_DEFAULTS.shutdownGraceMs,
    begin: async (shard, signal) => {
      metrics.leading(lease(shard), true);
      await sources.fill(signal);
    },
    onOpen: (shard) => {
      logger.info('controllers started', {
        controllers: controllers.map(({ name }) => name),
        lease: lease(shard),
      });
      metrics.working(true);
      options.onOpen?.(shard);
      for (const controller of controllers) controller.addKnown('its shard was taken');
    },
    finish: async (shard, signal) => {
      metrics.working(shards.open.length > 0);
      await options.beforeRelease?.(signal, shard);
    },
    onEnd: (shard) => {
      metrics.leading(lease(shard), false);
      sources.drop();
      options.onEnd?.(shard);
    },
  };
}
