import { StackClient } from '../../client/stackClient.ts';
import { HttpsStackTransport } from '../../client/stackTransport.ts';
import type { MetricShape } from '../../onprem/metrics.ts';

/** How the operator reads a stack's counters: with the API key, which permits nothing else. */
export interface CollectTarget {
  readonly namespace: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** PEM, pinned. */
  readonly ca: string;
  readonly certificateNames: readonly string[];
  readonly apiKey: string;
  /** Addresses of the Webapp pods: each reports only itself. */
  readonly webapps: readonly Address[];
}

interface Address {
  readonly address: string;
  readonly port: number;
}

/** Metrics of one node, and the labels that tell it from the others. */
export interface NodeCounters {
  readonly labels: Readonly<Record<string, string>>;
  readonly metrics: Record<string, MetricShape>;
}

const CALL_TIMEOUT_MS = 5_000;

/** Metrics of the Webapps, statistics of the Coreapps and Masters, and row counts of the database. */
export type CounterSource = 'webapp' | 'app' | 'db';

/** @throws StackError, StackUnreachable, CodedError `BadAnswer` */
export function readCounters(
  source: CounterSource,
  target: CollectTarget,
  signal: AbortSignal,
): Promise<NodeCounters[]> {
  return source === 'webapp' ? readWebapps(target, signal) : readStats(source, target, signal);
}

/** Reads every Webapp, and skips those that do not answer. */
async function readWebapps(target: CollectTarget, signal: AbortSignal): Promise<NodeCounters[]> {
  const { apiKey, webapps } = target;
  const answers = await Promise.allSettled(
    webapps.map((webapp) =>
      withClient(target, webapp, async (client) => ({
        labels: {},
        metrics: { ...(await client.metrics.read({ apiKey }, signal)) },
      })),
    ),
  );
  const read = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const failed = answers.find((answer) => answer.status === 'rejected');
  if (read.length === 0 && failed) throw failed.reason;
  return read;
}

const readStats = (area: 'app' | 'db', target: CollectTarget, signal: AbortSignal): Promise<NodeCounters[]> =>
  withClient(target, undefined, async (client) => {
    const nodes = await client.stats.nodes({ apiKey: target.apiKey }, area, signal);
    return Object.entries(nodes).map(([node, metrics]) => ({
      labels: node === '' ? {} : { node },
      metrics: { ...metrics },
    }));
  });

/** Runs calls to one Webapp, or to any of them without an address. */
async function withClient<T>(
  { host, port, ca, certificateNames }: CollectTarget,
  webapp: Address | undefined,
  calls: (client: StackClient) => Promise<T>,
): Promise<T> {
  const client = new StackClient(
    new HttpsStackTransport({
      host: webapp?.address ?? host,
      port: webapp?.port ?? port,
      serverName: host,
      certificateNames,
      ca,
      timeoutMs: CALL_TIMEOUT_MS,
    }),
  );
  try {
    return await calls(client);
  } finally {
    client.close();
  }
}
