import type { Registry } from 'prom-client';
import type { LeaderElection } from '../kube/leaderElection.ts';
import { aborted } from '../runtime/aborted.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Controller } from './controller.ts';
import { startHealthServer } from './healthServer.ts';
import type { Sources } from './sources.ts';

export interface ManagerOptions {
  readonly sources: Sources;
  readonly controllers: readonly Controller[];
  readonly registry: Registry;
  readonly logger: Logger;
  readonly health: { readonly host: string; readonly port: number };
  /** Without one the process is taken for the only one. */
  readonly leaderElection?: LeaderElection;
}

/** A watch that has been silent for this long makes the process unhealthy; the watchdog acts much earlier. */
const SILENT_WATCH_MS = 5 * 60_000;

/**
 * Runs a process's controllers: caches first, then leadership, then work. Returns when `signal` has fired and
 * everything in hand is finished, or when leadership is lost, with which nothing more may be written.
 */
export async function runManager(options: ManagerOptions, signal: AbortSignal): Promise<void> {
  const { sources, controllers, registry, logger, leaderElection } = options;
  let synced = false;
  const health = await startHealthServer({
    ...options.health,
    registry,
    liveness: () => (synced ? sources.problems(SILENT_WATCH_MS) : []),
    readiness: () => (synced ? [] : ['caches not synced', ...sources.problems(SILENT_WATCH_MS)]),
  });
  logger.info('serving health and metrics', { port: health.port });

  // Watches outlive the work, so that what is in hand at the end still sees its own effects.
  const watches = new AbortController();
  const watching = sources.run(watches.signal);
  try {
    await Promise.race([sources.synced(), aborted(signal)]);
    synced = !signal.aborted;
    if (synced) logger.info('caches synced');
    if (leaderElection) await leaderElection.acquire(signal).catch(() => {});
    if (signal.aborted) return;

    const work = new AbortController();
    const onAbort = () => work.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const release = new AbortController();
    const held = leaderElection?.hold(release.signal).then(() => work.abort(new Error('not leader')));
    logger.info('controllers started', { controllers: controllers.map(({ name }) => name) });
    await Promise.all(controllers.map((controller) => controller.run(work.signal)));
    // Only now is everything written, so only now may another one take over.
    release.abort();
    await held;
  } finally {
    watches.abort();
    await watching;
    await health.close();
    logger.info('stopped');
  }
}
