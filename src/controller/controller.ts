import { type Clock, withDeadline } from '../runtime/clock.ts';
import { CodedError } from '../runtime/codedError.ts';
import type { Logger } from '../runtime/logger.ts';
import type { ControllerMetrics } from './metrics.ts';
import { WorkQueue } from './workQueue.ts';

export interface ReconcileResult {
  /** Come back after this time, though nothing has changed. */
  readonly requeueAfterMs?: number;
}

/** Makes the world a little more like it should be. Re-entrant; throws to be tried again later. */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult>;

export interface ControllerOptions {
  readonly name: string;
  readonly reconcile: Reconcile;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: ControllerMetrics;
  readonly workers?: number;
  readonly reconcileTimeoutMs?: number;
}

export const CONTROLLER_DEFAULTS = { workers: 4, reconcileTimeoutMs: 120_000 } as const;

/** A queue and the workers that empty it. */
export class Controller {
  readonly queue: WorkQueue;
  readonly #options: ControllerOptions;

  constructor(options: ControllerOptions) {
    this.#options = options;
    const { clock, random, metrics, name } = options;
    this.queue = new WorkQueue({ clock, random, metrics: metrics.queue(name) });
  }

  get name(): string {
    return this.#options.name;
  }

  /** Works until `signal` fires; then finishes what is in hand, which gets `signal` too, and returns. */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = () => void this.queue.drain();
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    const workers = this.#options.workers ?? CONTROLLER_DEFAULTS.workers;
    await Promise.all(Array.from({ length: workers }, () => this.#work(signal)));
    signal.removeEventListener('abort', onAbort);
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (let key = await this.queue.next(); key !== undefined; key = await this.queue.next()) {
      await this.#reconcile(key, signal);
      this.queue.done(key);
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const { name, reconcile, clock, logger, metrics } = this.#options;
    const timeoutMs = this.#options.reconcileTimeoutMs ?? CONTROLLER_DEFAULTS.reconcileTimeoutMs;
    const startedAt = clock.monotonic();
    const deadline = withDeadline(
      clock,
      signal,
      timeoutMs,
      () =>
        new CodedError('ReconcileTimeout', `reconcile took longer than ${timeoutMs} ms`, { retriable: true }),
    );
    metrics.started(name);
    try {
      const { requeueAfterMs } = await reconcile(key, deadline.signal);
      this.queue.forget(key);
      if (requeueAfterMs !== undefined) this.queue.addAfter(key, requeueAfterMs);
      const durationMs = clock.monotonic() - startedAt;
      metrics.finished(name, requeueAfterMs === undefined ? 'success' : 'requeue_after', durationMs);
      logger.debug('reconciled', {
        controller: name,
        key,
        durationMs: Math.round(durationMs),
        requeueAfterMs,
      });
    } catch (error) {
      if (signal.aborted) return;
      const delayMs = this.queue.addRateLimited(key);
      metrics.finished(name, 'error', clock.monotonic() - startedAt);
      logger.warn('reconcile failed', { controller: name, key, error, retryAfterMs: Math.round(delayMs) });
    } finally {
      metrics.stopped(name);
      deadline.release();
    }
  }
}
