import { type Clock, sleep } from '../../base/clock.ts';
import { describeError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import { StackClient } from '../../client/stackClient.ts';
import { HttpsStackTransport } from '../../client/stackTransport.ts';
import { type MetricShape, prometheusText } from '../../onprem/metrics.ts';

/** How a stack's counters are read: with the API key, which can do nothing else. */
export interface CollectTarget {
  readonly namespace: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** PEM, pinned. */
  readonly ca: string;
  readonly certificateNames: readonly string[];
  readonly apiKey: string;
  /** Addresses of the Webapp pods: each answers for itself only. */
  readonly webapps: readonly { readonly address: string; readonly port: number }[];
}

const COLLECTOR_DEFAULTS = {
  everyMs: 15_000,
  /** Counting rows is heavy on large databases. */
  databaseEveryMs: 5 * 60_000,
  timeoutMs: 5_000,
  /** Older figures are no figures. */
  staleMs: 2 * 60_000,
  /** Series of one stack; what labels of paths come to is not in our hands. */
  mostSeries: 3_000,
} as const;

type Source = 'webapp' | 'app' | 'db';
interface Nodes {
  readonly labels: Readonly<Record<string, string>>;
  readonly metrics: Record<string, MetricShape>;
}
interface Reading {
  readonly nodes: readonly Nodes[];
  readonly atMs: number;
  readonly seconds: number;
  readonly isUp: boolean;
  readonly dropped: number;
}

/**
 * Reads the counters of stacks on its own time, so that a scrape never waits for a stack: it gets what was read last,
 * and how old that is. Names are the vendor's; `namespace` and `stack` tell stacks apart, `node` their nodes.
 */
export class StackCollector {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #logger: Logger;
  readonly #stacks = new Map<string, { target: CollectTarget; stop: AbortController }>();
  readonly #readings = new Map<string, Map<Source, Reading>>();

  constructor(options: { readonly clock: Clock; readonly random: () => number; readonly logger: Logger }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#logger = options.logger;
  }

  /** Begins to read a stack, or goes on with another way to reach it; without a target it ends. */
  follow(key: string, target: CollectTarget | undefined): void {
    const known = this.#stacks.get(key);
    if (known && target) {
      known.target = target;
      return;
    }
    if (!target) {
      known?.stop.abort();
      this.#stacks.delete(key);
      this.#readings.delete(key);
      return;
    }
    const stop = new AbortController();
    this.#stacks.set(key, { target, stop });
    void this.#run(key, stop.signal);
  }

  close(): void {
    for (const key of [...this.#stacks.keys()]) this.follow(key, undefined);
  }

  /** Everything that was read lately, as Prometheus text. */
  text(): string {
    const now = this.#clock.monotonic();
    const nodes: Nodes[] = [];
    for (const [key, sources] of this.#readings) {
      const target = this.#stacks.get(key)?.target;
      if (!target) continue;
      const stack = { namespace: target.namespace, stack: target.name };
      for (const [source, reading] of sources) {
        nodes.push({ labels: { ...stack, source }, metrics: aboutReading(reading) });
        if (
          now - reading.atMs >
          COLLECTOR_DEFAULTS.staleMs + (source === 'db' ? COLLECTOR_DEFAULTS.databaseEveryMs : 0)
        )
          continue;
        for (const node of reading.nodes)
          nodes.push({ labels: { ...stack, ...node.labels }, metrics: node.metrics });
      }
    }
    return nodes.length === 0 ? '' : prometheusText(nodes);
  }

  async #run(key: string, signal: AbortSignal): Promise<void> {
    let databaseAt = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const { target } = this.#stacks.get(key) ?? {};
      if (!target) return;
      const isDatabaseDue = this.#clock.monotonic() - databaseAt >= COLLECTOR_DEFAULTS.databaseEveryMs;
      if (isDatabaseDue) databaseAt = this.#clock.monotonic();
      await Promise.all([
        this.#read(key, 'webapp', () => readWebapps(target, signal)),
        this.#read(key, 'app', () => readStats(target, 'app', signal)),
        ...(isDatabaseDue ? [this.#read(key, 'db', () => readStats(target, 'db', signal))] : []),
      ]);
      const waitMs = COLLECTOR_DEFAULTS.everyMs * (0.9 + 0.2 * this.#random());
      await sleep(this.#clock, waitMs, signal).catch(() => {});
    }
  }

  async #read(key: string, source: Source, read: () => Promise<Nodes[]>): Promise<void> {
    const startedMs = this.#clock.monotonic();
    const result = await read().then(
      (nodes) => ({ ...bounded(nodes), isUp: true }),
      (error: unknown) => {
        this.#logger.debug('counters not read', { key, source, error: describeError(error) });
        return { nodes: [], dropped: 0, isUp: false };
      },
    );
    if (!this.#stacks.has(key)) return;
    const atMs = this.#clock.monotonic();
    const readings = this.#readings.get(key) ?? new Map<Source, Reading>();
    const last = readings.get(source);
    // One that failed leaves the figures of the last, as long as they are not too old.
    const kept =
      result.isUp || !last ? { nodes: result.nodes, atMs } : { nodes: last.nodes, atMs: last.atMs };
    readings.set(source, { ...result, ...kept, seconds: (atMs - startedMs) / 1000 });
    this.#readings.set(key, readings);
  }
}

function clientOf(
  target: CollectTarget,
  address: { address: string; port: number } | undefined,
): StackClient {
  const { host, port, ca, certificateNames } = target;
  return new StackClient(
    new HttpsStackTransport({
      host: address?.address ?? host,
      port: address?.port ?? port,
      serverName: host,
      certificateNames,
      ca,
      timeoutMs: COLLECTOR_DEFAULTS.timeoutMs,
    }),
  );
}

/** Each Webapp answers for itself, so each is asked. One that does not answer does not hide the others. */
async function readWebapps(target: CollectTarget, signal: AbortSignal): Promise<Nodes[]> {
  const answers = await Promise.allSettled(
    target.webapps.map(async (webapp) => {
      const client = clientOf(target, webapp);
      try {
        return { labels: {}, metrics: { ...(await client.metrics.read({ apiKey: target.apiKey }, signal)) } };
      } finally {
        client.close();
      }
    }),
  );
  const read = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const failed = answers.find((answer) => answer.status === 'rejected');
  if (read.length === 0 && failed) throw failed.reason;
  return read;
}

async function readStats(target: CollectTarget, area: 'app' | 'db', signal: AbortSignal): Promise<Nodes[]> {
  const client = clientOf(target, undefined);
  try {
    const nodes = await client.stats.nodes({ apiKey: target.apiKey }, area, signal);
    return Object.entries(nodes).map(([node, metrics]) => ({
      labels: node === '' ? {} : { node },
      metrics: { ...metrics },
    }));
  } finally {
    client.close();
  }
}

/** Never more series than one stack may have. */
function bounded(nodes: readonly Nodes[]): { nodes: Nodes[]; dropped: number } {
  let left: number = COLLECTOR_DEFAULTS.mostSeries;
  let dropped = 0;
  const kept = nodes.map(({ labels, metrics }) => ({
    labels,
    metrics: Object.fromEntries(
      Object.entries(metrics).map(([name, metric]) => {
        const data = metric.data.slice(0, Math.max(0, left));
        dropped += metric.data.length - data.length;
        left -= data.length;
        return [name, { ...metric, data }];
      }),
    ),
  }));
  return { nodes: kept, dropped };
}

const gauge = (help: string, value: number): MetricShape => ({ type: 'gauge', help, data: [{ value }] });

const aboutReading = ({ isUp, seconds, dropped }: Reading): Record<string, MetricShape> => ({
  waba_stack_up: gauge('Whether the counters of a stack could be read the last time', Number(isUp)),
  waba_stack_read_duration_seconds: gauge('How long it took to read them', seconds),
  waba_stack_series_dropped: gauge('Series that were left out because there are too many', dropped),
});
