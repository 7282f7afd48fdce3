import { Gauge, Registry } from 'prom-client';
import { DurationBuckets } from '../wire/durationBuckets.ts';
import { Tally } from '../wire/tally.ts';

/** What a node counts, under the documented names. Source: docs/onprem/api-admin.md §13.3. */
export class NodeMetrics {
  readonly registry = new Registry();
  readonly #counters = new Map<string, Tally<string>>();
  readonly #buckets = new Map<string, DurationBuckets>();

  /** A gauge whose value is read at each scrape. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  count(name: string, help: string, labels: Readonly<Record<string, string>> = {}, by = 1): void {
    const counter =
      this.#counters.get(name) ??
      new Tally({ name, help, labelNames: Object.keys(labels), registers: [this.registry] });
    this.#counters.set(name, counter);
    counter.add(labels, by);
  }

  /** The pair `<name>_count` and `<name>_sum`, and `<name>_bucket` without the labels. */
  duration(name: string, help: string, ms: number, labels: Readonly<Record<string, string>>): void {
    this.count(`${name}_count`, `${help}, count`, labels);
    this.count(`${name}_sum`, `${help}, total milliseconds`, labels, Math.round(ms));
    const buckets =
      this.#buckets.get(name) ?? new DurationBuckets({ name, help, registers: [this.registry] });
    this.#buckets.set(name, buckets);
    buckets.add({}, ms);
  }
}
