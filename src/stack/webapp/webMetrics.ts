import { Gauge, Registry } from 'prom-client';
import type { Clock } from '../../base/clock.ts';
import { DurationBuckets } from '../wire/durationBuckets.ts';
import { Tally } from '../wire/tally.ts';

/** Metrics of one Webapp, under the documented names. Source: docs/onprem/api-admin.md §14. */
export class WebMetrics {
  readonly registry = new Registry();
  readonly #durations: Tally<'result' | 'method'>;
  readonly #counts: Tally<'result' | 'method'>;
  readonly #buckets: DurationBuckets<'method'>;
  readonly #errors: Tally<'code'>;
  readonly #handled: Tally;
  readonly #connections: Tally;
  #ongoing = 0;
  readonly #methods = new Map<string, string>();

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
    this.#durations = new Tally({
      name: 'api_requests_duration_ms_sum',
      help: 'Total number of durations of API requests',
      labelNames,
      registers,
    });
    this.#counts = new Tally({
      name: 'api_requests_duration_ms_count',
      help: 'Total number of API requests',
      labelNames,
      registers,
    });
    this.#buckets = new DurationBuckets({
      name: 'api_requests_duration_ms',
      help: 'Total number of API requests',
      labelNames: ['method'],
      registers,
    });
    // Not one of the vendor's: several codes share an HTTP status.
    this.#errors = new Tally({
      name: 'api_request_errors',
      help: 'Number of API requests refused, by error code',
      labelNames: ['code'],
      registers,
    });
    this.#handled = new Tally({
      name: 'web_handled_requests',
      help: 'Number of requests handled',
      registers,
    });
    this.#connections = new Tally({
      name: 'web_connections',
      help: 'Number of connections accepted',
      registers,
    });
    const ongoing = () => this.#ongoing;
    new Gauge({
      name: 'web_requests',
      help: 'Number of ongoing requests',
      labelNames: ['state'],
      registers,
      collect() {
        this.set({ state: 'handle-request' }, ongoing());
      },
    });
  }

  connected(): void {
    this.#connections.add({});
  }

  began(): void {
    this.#ongoing += 1;
  }

  /** `method` is `<VERB>_<path with slashes as underscores>`: bounded, because the path is that of the route. */
  ended(verb: string, path: string, status: number, durationMs: number): void {
    const method = this.#methods.get(verb + path) ?? this.#nameOf(verb, path);
    const labels = { result: String(status), method };
    this.#ongoing -= 1;
    this.#handled.add({});
    this.#counts.add(labels);
    this.#durations.add(labels, Math.round(durationMs));
    this.#buckets.add({ method }, durationMs);
  }

  /** `code`: of the error catalogue. */
  refused(code: number): void {
    this.#errors.add({ code: String(code) });
  }

  #nameOf(verb: string, path: string): string {
    const name = `${verb}${path.replaceAll('/', '_')}`;
    this.#methods.set(verb + path, name);
    return name;
  }
}
