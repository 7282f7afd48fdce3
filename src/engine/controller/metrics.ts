import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { RequestObserver } from '../kube/transport.ts';
import type { QueueMetrics, WorkQueue } from './workQueue.ts';

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const QUEUE_SECONDS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];

export type ReconcileOutcome = 'success' | 'requeue_after' | 'error';

const OUTCOMES: readonly ReconcileOutcome[] = ['success', 'requeue_after', 'error'];

type MetricNames<L extends string> = readonly [name: string, help: string, labelNames: readonly L[]];

/** Makes metrics that one registry serves. */
const makers = (registry: Registry) => ({
  counter: <L extends string>(...[name, help, labelNames]: MetricNames<L>) =>
    new Counter<L>({ name, help, labelNames, registers: [registry] }),
  gauge: <L extends string>(...[name, help, labelNames]: MetricNames<L>) =>
    new Gauge<L>({ name, help, labelNames, registers: [registry] }),
  histogram: <L extends string>(buckets: number[], ...[name, help, labelNames]: MetricNames<L>) =>
    new Histogram<L>({ name, help, labelNames, buckets, registers: [registry] }),
});

function reconcileMetrics(registry: Registry) {
  const { counter, gauge, histogram } = makers(registry);
  const labels = ['controller'] as const;
  return {
    total: counter('controller_runtime_reconcile_total', 'Reconciliations per controller', [
      'controller',
      'result',
    ]),
    errors: counter(
      'controller_runtime_reconcile_errors_total',
      'Reconciliation errors per controller',
      labels,
    ),
    terminal: counter(
      'controller_runtime_terminal_reconcile_errors_total',
      'Reconciliation errors that are not tried again, per controller',
      labels,
    ),
    panics: counter(
      'controller_runtime_reconcile_panics_total',
      'Reconciliations that ended by a bug, per controller',
      labels,
    ),
    time: histogram(
      SECONDS,
      'controller_runtime_reconcile_time_seconds',
      'Length of time per reconciliation per controller',
      labels,
    ),
    active: gauge('controller_runtime_active_workers', 'Workers in use per controller', labels),
    workers: gauge('controller_runtime_max_concurrent_reconciles', 'Workers per controller', labels),
  };
}

function queueMetrics(registry: Registry) {
  const { counter, gauge, histogram } = makers(registry);
  const labels = ['name', 'controller'] as const;
  return {
    depth: gauge('workqueue_depth', 'Current depth of workqueue', labels),
    adds: counter('workqueue_adds_total', 'Adds handled by workqueue', labels),
    retries: counter('workqueue_retries_total', 'Retries handled by workqueue', labels),
    waiting: histogram(
      QUEUE_SECONDS,
      'workqueue_queue_duration_seconds',
      'How long an item stays in workqueue before it is worked on',
      labels,
    ),
    working: histogram(
      QUEUE_SECONDS,
      'workqueue_work_duration_seconds',
      'How long processing an item from workqueue takes',
      labels,
    ),
  };
}

function requestObserver(registry: Registry): RequestObserver {
  const { counter, histogram } = makers(registry);
  const requests = counter(
    'rest_client_requests_total',
    'HTTP requests, partitioned by status code, method and host',
    ['code', 'host', 'method'],
  );
  const requestTime = histogram(SECONDS, 'rest_client_request_duration_seconds', 'Request latency', [
    'host',
    'verb',
  ]);
  const throttled = histogram(
    SECONDS,
    'rest_client_rate_limiter_duration_seconds',
    "Time spent waiting for the client's rate limit",
    ['host', 'verb'],
  );
  const retries = counter('rest_client_request_retries_total', 'Requests tried again', [
    'code',
    'host',
    'verb',
  ]);
  return {
    finished: (method, host, code, durationMs) => {
      requests.inc({ method, host, code });
      requestTime.observe({ verb: method, host }, durationMs / 1000);
    },
    retried: (verb, host, code) => retries.inc({ verb, host, code }),
    throttled: (verb, host, durationMs) => throttled.observe({ verb, host }, durationMs / 1000),
  };
}

/** Metrics under the names and labels of controller-runtime, workqueue and client-go, so that their dashboards work. */
export class ControllerMetrics {
  readonly #registry: Registry;
  readonly #reconciles: ReturnType<typeof reconcileMetrics>;
  readonly #queue: ReturnType<typeof queueMetrics>;
  readonly #leader: Gauge<'name'>;
  #isWorking = false;
  /** Observes the requests to the API server. */
  readonly requests: RequestObserver;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#reconciles = reconcileMetrics(registry);
    this.#leader = makers(registry).gauge(
      'leader_election_master_status',
      'Whether this process holds the lease',
      ['name'],
    );
    this.#queue = queueMetrics(registry);
    this.requests = requestObserver(registry);
  }

  /** Creates the series of a controller at its start, so that an alert can tell zero from absent. */
  registered(controller: string, workers: number): void {
    const { errors, terminal, panics } = this.#reconciles;
    this.#reconciles.workers.set({ controller }, workers);
    this.#reconciles.active.set({ controller }, 0);
    for (const counter of [errors, terminal, panics]) counter.inc({ controller }, 0);
    for (const result of OUTCOMES) this.#reconciles.total.inc({ controller, result }, 0);
  }

  started(controller: string): void {
    this.#reconciles.active.inc({ controller });
  }

  stopped(controller: string): void {
    this.#reconciles.active.dec({ controller });
  }

  finished(controller: string, result: ReconcileOutcome, durationMs: number): void {
    this.#reconciles.total.inc({ controller, result });
    if (result === 'error') this.#reconciles.errors.inc({ controller });
    this.#reconciles.time.observe({ controller }, durationMs / 1000);
  }

  terminal(controller: string): void {
    this.#reconciles.terminal.inc({ controller });
  }

  panicked(controller: string): void {
    this.#reconciles.panics.inc({ controller });
  }

  leading(name: string, holds: boolean): void {
    this.#leader.set({ name }, holds ? 1 : 0);
  }

  /** Whether the controllers of this process run: it is the only replica, or it leads. */
  get isWorking(): boolean {
    return this.#isWorking;
  }

  working(isWorking: boolean): void {
    this.#isWorking = isWorking;
  }

  queue(name: string): QueueMetrics {
    const { depth, adds, retries, waiting, working } = this.#queue;
    const labels = { name, controller: name };
    return {
      added: () => adds.inc(labels),
      depth: (length) => depth.set(labels, length),
      waited: (ms) => waiting.observe(labels, ms / 1000),
      worked: (ms) => working.observe(labels, ms / 1000),
      retried: () => retries.inc(labels),
    };
  }

  /** Metrics computed at each scrape: work that has not ended yet. */
  observeQueues(queues: ReadonlyMap<string, WorkQueue>): void {
    const live = (metric: string, help: string, value: (workingMs: readonly number[]) => number) =>
      new Gauge({
        name: metric,
        help,
        labelNames: ['name', 'controller'],
        registers: [this.#registry],
        collect() {
          for (const [name, queue] of queues)
            this.set({ name, controller: name }, value(queue.workingMs()) / 1000);
        },
      });
    live(
      'workqueue_unfinished_work_seconds',
      'Work in progress that has not been observed by work_duration yet, summed over keys',
      (workingMs) => workingMs.reduce((sum, ms) => sum + ms, 0),
    );
    live(
      'workqueue_longest_running_processor_seconds',
      'How long the longest running worker has been at its key',
      (workingMs) => Math.max(0, ...workingMs),
    );
  }
}
