import { Counter, Gauge, Registry } from 'prom-client';
import type { Clock } from '../../base/clock.ts';

/** Metrics of one Webapp, under the documented names. Source: docs/onprem/api-admin.md §14. */
export class WebMetrics {
  readonly registry = new Registry();
  readonly #durations: Counter<'result' | 'method'>;
  readonly #counts: Counter<'result' | 'method'>;
  readonly #handled: Counter;
  readonly #connections: Counter;
  readonly #ongoing: Gauge<'state'>;

  constructor(webapp: string, clock: Clock) {
    const registers = [this.registry];
    this.registry.setDefaultLabels({ node: webapp });
    const startedMs = clock.monotonic();
    new Gauge({
      name: 'web_uptime',
      help: 'Number of seconds since web server has started',
      registers,
      collect() {
        this.set(Math.floor((clock.monotonic() - startedMs) / 1000));
      },
    });
    const labelNames = ['result', 'method'] as const;
    this.#durations = new Counter({
      name: 'api_requests_duration_ms_sum',
      help: 'Total number of durations of API requests',
      labelNames,
      registers,
    });
    this.#counts = new Counter({
      name: 'api_requests_duration_ms_count',
      help: 'Total number of API requests',
      labelNames,
      registers,
    });
    this.#handled = new Counter({
      name: 'web_handled_requests',
      help: 'Number of requests handled',
      registers,
    });
    this.#connections = new Counter({
      name: 'web_connections',
      help: 'Number of connections accepted',
      registers,
    });
    this.#ongoing = new Gauge({
      name: 'web_requests',
      help: 'Number of ongoing requests',
      labelNames: ['state'],
      registers,
    });
  }

  connected(): void {
    this.#connections.inc();
  }

  began(): void {
    this.#ongoing.inc({ state: 'handle-request' });
  }

  /** `method` is `<VERB>_<path with slashes as underscores>`: bounded, because the path is that of the route. */
  ended(verb: string, path: string, status: number, durationMs: number): void {
    const labels = { result: String(status), method: `${verb}${path.replaceAll('/', '_')}` };
    this.#ongoing.dec({ state: 'handle-request' });
    this.#handled.inc();
    this.#counts.inc(labels);
    this.#durations.inc(labels, Math.round(durationMs));
  }
}
