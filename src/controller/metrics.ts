import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { QueueMetrics } from './workQueue.ts';

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const QUEUE_SECONDS = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];

export type ReconcileOutcome = 'success' | 'requeue_after' | 'error';

/** Metrics under the names of controller-runtime, workqueue and client-go, so that their dashboards work. */
export class ControllerMetrics {
  readonly #total: Counter<'controller' | 'result'>;
  readonly #errors: Counter<'controller'>;
  readonly #time: Histogram<'controller'>;
  readonly #active: Gauge<'controller'>;
  readonly #requests: Counter<'code' | 'method'>;
  readonly #requestTime: Histogram<'verb'>;
  readonly #queue: {
    depth: Gauge<'name'>;
    adds: Counter<'name'>;
    retries: Counter<'name'>;
    waiting: Histogram<'name'>;
    working: Histogram<'name'>;
  };

  constructor(registry: Registry) {
    const registers = [registry];
    this.#total = new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Total number of reconciliations per controller',
      labelNames: ['controller', 'result'],
      registers,
    });
    this.#errors = new Counter({
      name: 'controller_runtime_reconcile_errors_total',
      help: 'Total number of reconciliation errors per controller',
      labelNames: ['controller'],
      registers,
    });
    this.#time = new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'Length of time per reconciliation per controller',
      labelNames: ['controller'],
      buckets: SECONDS,
      registers,
    });
    this.#active = new Gauge({
      name: 'controller_runtime_active_workers',
      help: 'Number of currently used workers per controller',
      labelNames: ['controller'],
      registers,
    });
    this.#requests = new Counter({
      name: 'rest_client_requests_total',
      help: 'Number of HTTP requests, partitioned by status code and method',
      labelNames: ['code', 'method'],
      registers,
    });
    this.#requestTime = new Histogram({
      name: 'rest_client_request_duration_seconds',
      help: 'Request latency in seconds, by verb',
      labelNames: ['verb'],
      buckets: SECONDS,
      registers,
    });
    this.#queue = {
      depth: new Gauge({
        name: 'workqueue_depth',
        help: 'Current depth of workqueue',
        labelNames: ['name'],
        registers,
      }),
      adds: new Counter({
        name: 'workqueue_adds_total',
        help: 'Total number of adds handled by workqueue',
        labelNames: ['name'],
        registers,
      }),
      retries: new Counter({
        name: 'workqueue_retries_total',
        help: 'Total number of retries handled by workqueue',
        labelNames: ['name'],
        registers,
      }),
      waiting: new Histogram({
        name: 'workqueue_queue_duration_seconds',
        help: 'How long in seconds an item stays in workqueue before being requested',
        labelNames: ['name'],
        buckets: QUEUE_SECONDS,
        registers,
      }),
      working: new Histogram({
        name: 'workqueue_work_duration_seconds',
        help: 'How long in seconds processing an item from workqueue takes',
        labelNames: ['name'],
        buckets: QUEUE_SECONDS,
        registers,
      }),
    };
  }

  started(controller: string): void {
    this.#active.inc({ controller });
  }

  stopped(controller: string): void {
    this.#active.dec({ controller });
  }

  finished(controller: string, result: ReconcileOutcome, durationMs: number): void {
    this.#total.inc({ controller, result });
    if (result === 'error') this.#errors.inc({ controller });
    this.#time.observe({ controller }, durationMs / 1000);
  }

  request(method: string, code: string, durationMs: number): void {
    this.#requests.inc({ method, code });
    this.#requestTime.observe({ verb: method }, durationMs / 1000);
  }

  queue(name: string): QueueMetrics {
    const { depth, adds, retries, waiting, working } = this.#queue;
    return {
      added: () => adds.inc({ name }),
      depth: (length) => depth.set({ name }, length),
      waited: (ms) => waiting.observe({ name }, ms / 1000),
      worked: (ms) => working.observe({ name }, ms / 1000),
      retried: () => retries.inc({ name }),
    };
  }
}
