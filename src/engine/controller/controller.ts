import { randomUUID } from 'node:crypto';
import { type Tracer, trace } from '@opentelemetry/api';
import { type Clock, withDeadline } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import { TimeSlice } from '../../base/timeSlice.ts';
import { markFailed } from '../../base/tracing/markFailed.ts';
import { isLostRace } from '../kube/apiError.ts';
import { splitKey } from '../kube/kubeObject.ts';
import type { ControllerMetrics } from './metrics.ts';
import type { Shards } from './shards.ts';
import { WorkQueue } from './workQueue.ts';

export interface ReconcileResult {
  /** Reconcile again after this time, even if nothing changes. */
  readonly requeueAfterMs?: number;
}

/**
 * Brings the objects of `key` (`namespace/name`) one step closer to the wanted state. Re-entrant. It throws to be retried
 * later. Lines of `logger` carry the controller, the key and the id of this reconcile.
 */
export type Reconcile = (key: string, signal: AbortSignal, logger: Logger) => Promise<ReconcileResult>;

/** Thrown by a reconcile that only a change can help: the error is counted and logged, and the key is not retried. */
export class TerminalError extends CodedError {
  constructor(message: string, cause?: unknown) {
    super('Terminal', message, { cause });
  }
}

export interface ControllerOptions {
  readonly name: string;
  readonly reconcile: Reconcile;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: ControllerMetrics;
  readonly workers?: number;
  readonly reconcileTimeoutMs?: number;
  /** Default: this process works on all keys. */
  readonly shards?: Pick<Shards, 'enter' | 'isOpen'> | undefined;
  /** The keys of all objects, with which work on a shard begins. */
  readonly known?: () => readonly string[];
}

const CONTROLLER_DEFAULTS = { workers: 4, reconcileTimeoutMs: 120_000 } as const;

/** What became of a reconcile. */
interface Reconciled {
  readonly outcome: 'success' | 'requeue_after' | 'lost_race' | 'error' | 'terminal' | 'aborted';
  readonly failure?: unknown;
  readonly requeueAfterMs?: number | undefined;
}

/** A queue, and the workers that empty it. */
export class Controller {
  readonly queue: WorkQueue;
  readonly #options: ControllerOptions;
  readonly #logger: Logger;
  readonly #workers: number;
  readonly #slice: TimeSlice;
  readonly #tracer: Tracer = trace.getTracer('controller');

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#slice = new TimeSlice(options.clock);
    this.#workers = options.workers ?? CONTROLLER_DEFAULTS.workers;
    const { clock, random, metrics, name } = options;
    this.#logger = options.logger.child({ controller: name });
    const { shards } = options;
    const accepts = shards && ((key: string) => shards.isOpen(splitKey(key).namespace));
    this.queue = new WorkQueue({ clock, random, metrics: metrics.queue(name), accepts });
    metrics.registered(name, this.#workers);
  }

  get name(): string {
    return this.#options.name;
  }

  /** Adds every object to the queue. Those of shards that are not open do not enter. */
  addKnown(reason: string): void {
    for (const key of this.#options.known?.() ?? []) this.queue.add(key, 'change', reason);
  }

  /**
   * Works until `stop` fires, then finishes the reconciles under way and returns. `abort` aborts those: the lease was
   * lost, or the process must end. With shards, the signal of the shard takes its place.
   */
  async run(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    const onStop = () => void this.queue.drain();
    for (const signal of [stop, abort]) {
      if (signal.aborted) onStop();
      else signal.addEventListener('abort', onStop, { once: true });
    }
    await Promise.all(Array.from({ length: this.#workers }, () => this.#work(abort)));
    for (const signal of [stop, abort]) signal.removeEventListener('abort', onStop);
  }

  async #work(abort: AbortSignal): Promise<void> {
    for (let key = await this.queue.next(); key !== undefined; key = await this.queue.next()) {
      const { shards } = this.#options;
      const admission = shards?.enter(splitKey(key).namespace);
      // The shard may be given away while the key waits.
      if (admission || !shards) await this.#traced(key, admission?.signal ?? abort);
      this.queue.done(key);
      admission?.leave();
      const pause = this.#slice.pause();
      if (pause) await pause;
    }
  }

  /** Makes one span for each reconcile, the parent of its steps and API calls. While traces are off nothing happens. */
  #traced(key: string, abort: AbortSignal): Promise<void> {
    const { name } = this.#options;
    // The name that controller-runtime uses.
    const reconcileID = randomUUID();
    const logger = this.#logger.child({ key, reconcileID });
    const attributes = {
      'controller.name': name,
      'controller.key': key,
      'controller.reconcileID': reconcileID,
      'controller.reason': this.queue.reasonOf(key) ?? '',
      'controller.queue_wait_ms': Math.round(this.queue.waitedMsOf(key)),
    };
    return this.#tracer.startActiveSpan(`reconcile ${name}`, { attributes }, async (span) => {
      const { outcome, failure, requeueAfterMs } = await this.#reconcile(key, abort, logger);
      span.setAttribute('controller.outcome', outcome);
      if (requeueAfterMs !== undefined)
        span.setAttribute('controller.requeue_after_ms', Math.round(requeueAfterMs));
      if (failure !== undefined) markFailed(span, failure);
      span.end();
    });
  }

  /** Never throws, so that a bug in one reconcile does not end the worker. */
  async #reconcile(key: string, abort: AbortSignal, logger: Logger): Promise<Reconciled> {
    const { name, reconcile, clock, metrics } = this.#options;
    const timeoutMs = this.#options.reconcileTimeoutMs ?? CONTROLLER_DEFAULTS.reconcileTimeoutMs;
    const startedAt = clock.monotonic();
    const elapsedMs = () => clock.monotonic() - startedAt;
    const reason = this.queue.reasonOf(key);
    const deadline = withDeadline(
      clock,
      abort,
      timeoutMs,
      () =>
        new CodedError('ReconcileTimeout', `reconcile took longer than ${timeoutMs} ms`, { retriable: true }),
    );
    metrics.started(name);
    try {
      const { requeueAfterMs } = await reconcile(key, deadline.signal, logger);
      this.queue.forget(key);
      if (requeueAfterMs !== undefined) this.queue.addAfter(key, requeueAfterMs);
      metrics.finished(name, requeueAfterMs === undefined ? 'success' : 'requeue_after', elapsedMs());
      logger.debug('reconciled', { reason, durationMs: Math.round(elapsedMs()), requeueAfterMs });
      return { outcome: requeueAfterMs === undefined ? 'success' : 'requeue_after', requeueAfterMs };
    } catch (error) {
      if (abort.aborted) return { outcome: 'aborted', failure: error };
      if (isLostRace(error)) {
        const retryAfterMs = Math.round(this.queue.addRateLimited(key));
        metrics.finished(name, 'requeue_after', elapsedMs());
        logger.debug('another client was faster; looking again', { reason, error, retryAfterMs });
        return { outcome: 'lost_race', requeueAfterMs: retryAfterMs };
      }
      metrics.finished(name, 'error', elapsedMs());
      if (isBug(error)) metrics.panicked(name);
      if (error instanceof TerminalError) {
        this.queue.forget(key);
        metrics.terminal(name);
        logger.error('reconcile failed; not retried until something changes', { error });
        return { outcome: 'terminal', failure: error };
      }
      const retryAfterMs = Math.round(this.queue.addRateLimited(key));
      // Only a bug is logged with its stack: for any other error the message is enough.
      const stack = isBug(error) ? { stack: (error as Error).stack } : {};
      logger.warn('reconcile failed', { reason, error, retryAfterMs, ...stack });
      return { outcome: 'error', failure: error, requeueAfterMs: retryAfterMs };
    } finally {
      metrics.stopped(name);
      deadline.release();
    }
  }
}

/** Errors that JavaScript itself throws, and thrown values that are not errors, come from a mistake in the program. */
const isBug = (error: unknown): boolean =>
  !(error instanceof Error) ||
  error instanceof TypeError ||
  error instanceof ReferenceError ||
  error instanceof RangeError ||
  error instanceof SyntaxError;
