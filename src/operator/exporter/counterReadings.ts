import type { MetricShape } from '../../onprem/metrics.ts';
import { publishable } from './foreignMetrics.ts';
import type { NodeCounters } from './readCounters.ts';

/** Limit of series per stack: the stack's answers determine the labels, and the operator keeps all series in memory. */
const MOST_SERIES = 3_000;

/** The result of one reading of one source. */
export interface Reading {
  readonly isUp: boolean;
  readonly seconds: number;
  /** Series that were left out. */
  readonly dropped: number;
  readonly nodes: readonly NodeCounters[];
  /** When the nodes were read, on the monotonic clock. */
  readonly atMs: number;
}

/** Metrics about a reading; `source` says of which kind of counters. */
export const READING_METRICS: readonly {
  readonly name: string;
  readonly help: string;
  readonly read: (reading: Reading) => number;
}[] = [
  {
    name: 'waba_stack_up',
    help: 'Whether the last reading of a stack’s counters succeeded: 1 or 0',
    read: ({ isUp }) => Number(isUp),
  },
  {
    name: 'waba_stack_read_duration_seconds',
    help: 'Duration of the last reading of a stack’s counters',
    read: ({ seconds }) => seconds,
  },
  {
    name: 'waba_stack_series_dropped',
    help: `Series that were left out because a stack has more than ${MOST_SERIES}`,
    read: ({ dropped }) => dropped,
  },
];

export const readingMetrics = (reading: Reading): Record<string, MetricShape> =>
  Object.fromEntries(
    READING_METRICS.map(({ name, help, read }) => [
      name,
      { type: 'gauge', help, data: [{ value: read(reading) }] } satisfies MetricShape,
    ]),
  );

/** The reading that replaces the last one. A failed reading keeps the nodes of the last one. */
export function nextReading(
  last: Reading | undefined,
  nodes: readonly NodeCounters[] | undefined,
  isOurs: (name: string) => boolean,
  startedMs: number,
  nowMs: number,
): Reading {
  const seconds = (nowMs - startedMs) / 1000;
  if (nodes) return { ...bounded(nodes, isOurs), isUp: true, seconds, atMs: nowMs };
  return { nodes: last?.nodes ?? [], atMs: last?.atMs ?? nowMs, dropped: 0, isUp: false, seconds };
}

function bounded(
  nodes: readonly NodeCounters[],
  isOurs: (name: string) => boolean,
): Pick<Reading, 'nodes' | 'dropped'> {
  let left = MOST_SERIES;
  let dropped = 0;
  const kept = nodes.map(({ labels, metrics }) => ({
    labels,
    metrics: Object.fromEntries(
      Object.entries(publishable(metrics, isOurs)).flatMap(([name, metric]) => {
        const data = metric.data.slice(0, Math.max(0, left));
        dropped += metric.data.length - data.length;
        left -= data.length;
        // A metric without series costs two lines of text.
        return data.length === 0 ? [] : [[name, { ...metric, data }]];
      }),
    ),
  }));
  return { nodes: kept, dropped };
}
