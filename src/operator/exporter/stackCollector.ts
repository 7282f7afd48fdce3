import { type Clock, sleep } from '../../base/clock.ts';
import { describeError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import { prometheusText } from '../../onprem/metrics.ts';
import { nextReading, type Reading, readingMetrics } from './counterReadings.ts';
import { type CollectTarget, type CounterSource, type NodeCounters, readCounters } from './readCounters.ts';

const EVERY_MS = 15_000;
/** How often each source is read. A database counts its rows for its source, which is heavy on large ones. */
const SOURCE_EVERY_MS: Record<CounterSource, number> = { webapp: 0, app: 0, db: 5 * 60_000 };
/**
 * A source that failed is read again sooner: a stack that is new has no database yet, and one failure must not look like
 * minutes of them. Not at once, because the database may fail because it is busy.
 */
const FAILED_AGAIN_MS = 60_000;
/** How long counters are served after they should have been read again. */
const STALE_MS = 2 * 60_000;

interface Followed {
  target: CollectTarget;
  readonly stop: AbortController;
  readonly readings: Map<CounterSource, Reading>;
}

export interface StackCollectorOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Whether a metric's name is taken by the operator itself. */
  readonly isOurs: (name: string) => boolean;
  /** How a source is read; over HTTPS unless given. */
  readonly read?: typeof readCounters;
}

/**
 * Reads the counters of stacks in the background, so a scrape never waits for a stack: it gets the last readings and
 * their age. Metrics keep the vendor's names; `namespace` and `stack` tell stacks apart, `node` their nodes.
 */
export class StackCollector {
  readonly #options: StackCollectorOptions;
  readonly #stacks = new Map<string, Followed>();

  constructor(options: StackCollectorOptions) {
    this.#options = options;
  }

  /** Starts to read a stack, or switches to another target; without a target, stops. */
  follow(key: string, target: CollectTarget | undefined): void {
    const known = this.#stacks.get(key);
    if (!target) {
      known?.stop.abort();
      this.#stacks.delete(key);
    } else if (known) known.target = target;
    else {
      const followed: Followed = { target, stop: new AbortController(), readings: new Map() };
      this.#stacks.set(key, followed);
      void this.#run(key, followed);
    }
  }

  close(): void {
    for (const key of [...this.#stacks.keys()]) this.follow(key, undefined);
  }

  /** The last readings in Prometheus' text format. */
  text(): string {
    const now = this.#options.clock.monotonic();
    const nodes: NodeCounters[] = [];
    for (const { target, readings } of this.#stacks.values()) {
      const stack = { namespace: target.namespace, stack: target.name };
      for (const [source, reading] of readings) {
        nodes.push({ labels: { ...stack, source }, metrics: readingMetrics(reading) });
        if (now - reading.atMs > STALE_MS + SOURCE_EVERY_MS[source]) continue;
        for (const { labels, metrics } of reading.nodes)
          nodes.push({ labels: { ...stack, ...labels }, metrics });
      }
    }
    return nodes.length === 0 ? '' : prometheusText(nodes);
  }

  /** Sum of a counter over the nodes of a stack, of the series with a label; undefined while it has not been read. */
  total(key: string, metric: string, label: Readonly<Record<string, string>>): number | undefined {
    const reading = this.#stacks.get(key)?.readings.get('app');
    if (!reading?.isUp) return undefined;
    return reading.nodes
      .flatMap(({ metrics }) => metrics[metric]?.data ?? [])
      .filter(({ labels = {} }) => Object.entries(label).every(([name, value]) => labels[name] === value))
      .reduce((sum, { value }) => sum + value, 0);
  }

  async #run(key: string, followed: Followed): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = followed.stop;
    const startedMs = new Map<CounterSource, number>();
    while (!signal.aborted) {
      const now = clock.monotonic();
      const due = (Object.keys(SOURCE_EVERY_MS) as CounterSource[]).filter((source) => {
        const everyMs = SOURCE_EVERY_MS[source];
        const waitMs =
          followed.readings.get(source)?.isUp === false ? Math.min(everyMs, FAILED_AGAIN_MS) : everyMs;
        return now - (startedMs.get(source) ?? Number.NEGATIVE_INFINITY) >= waitMs;
      });
      for (const source of due) startedMs.set(source, now);
      await Promise.all(due.map((source) => this.#read(key, followed, source)));
      await sleep(clock, EVERY_MS * (0.9 + 0.2 * random()), signal).catch(() => {});
    }
  }

  async #read(key: string, { target, readings, stop }: Followed, source: CounterSource): Promise<void> {
    const { clock, logger, isOurs, read = readCounters } = this.#options;
    const startedMs = clock.monotonic();
    const nodes = await read(source, target, stop.signal).catch((error: unknown) => {
      logger.debug('counters not read', { key, source, error: describeError(error) });
      return undefined;
    });
    readings.set(source, nextReading(readings.get(source), nodes, isOurs, startedMs, clock.monotonic()));
  }
}
