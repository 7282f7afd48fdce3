import { Counter, Histogram, Registry } from 'prom-client';
import type { GraphOutcome } from './graphCall.ts';

/** What Prometheus reads from a gateway. No number of a person is a label. */
export class CloudMetrics {
  readonly registry = new Registry();
  readonly #billed = new Counter({
    name: 'waba_messages_billed_total',
    help: 'Messages that the Cloud API bills, counted when they are delivered',
    labelNames: ['category', 'type'],
    registers: [this.registry],
  });
  readonly #calls = new Counter({
    name: 'waba_cloud_graph_calls_total',
    help: 'Calls of the Cloud API by their outcome: ok, the code of a refusal, unknown or unreachable',
    labelNames: ['code'],
    registers: [this.registry],
  });
  readonly #pacing = new Histogram({
    name: 'waba_cloud_pacing_wait_seconds',
    help: 'How long a message waited for the throughput of the number, the limit of one person, and holds',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200],
    registers: [this.registry],
  });
  readonly #lag = new Histogram({
    name: 'waba_cloud_webhook_lag_seconds',
    help: 'From what happened at the Cloud API, which tells whole seconds, until its webhook was stored here',
    buckets: [1, 2, 5, 10, 30, 60, 300, 1_800, 7_200, 86_400],
    registers: [this.registry],
  });

  billed({ category, type }: { readonly category: string; readonly type: string }): void {
    this.#billed.inc({ category, type });
  }

  called(outcome: GraphOutcome): void {
    const code =
      outcome.kind === 'done' ? 'ok' : outcome.kind === 'refused' ? String(outcome.error.code) : outcome.kind;
    this.#calls.inc({ code });
  }

  paced(seconds: number): void {
    this.#pacing.observe(seconds);
  }

  lagged(seconds: number): void {
    this.#lag.observe(seconds);
  }
}
