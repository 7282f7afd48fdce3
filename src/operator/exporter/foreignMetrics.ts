import type { MetricShape } from '../../onprem/metrics.ts';

/** Metrics of a stack, as the stack's answer has them. */
type Metrics = Readonly<Record<string, MetricShape>>;

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]{0,199}$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]{0,99}$/;
const TYPES: readonly string[] = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
const LONGEST_HELP = 500;
const LONGEST_VALUE = 200;
const MOST_LABELS = 20;
/** Prometheus reserves labels that begin so. */
const INTERNAL = '__';
/** Suffixes that the text format adds to the name of a metric. */
const SUFFIX = /_(?:bucket|sum|count|total|created)$/;

/**
 * What of a stack's metrics the operator may publish. Whoever controls a stack controls its answers: its metrics must not
 * end the scrape of all others, and must not be taken for metrics of the operator or of another stack.
 */
export function publishable(metrics: Metrics, isOurs: (name: string) => boolean): Metrics {
  const kept = Object.entries(metrics).filter(
    ([name]) => NAME.test(name) && !isOurs(name) && !isOurs(name.replace(SUFFIX, '')),
  );
  return Object.fromEntries(
    kept.map(([name, { type, help, data }]) => [
      name,
      {
        type: TYPES.includes(type) ? type : 'untyped',
        help: help.slice(0, LONGEST_HELP).replace(/[\\\r\n]+/g, ' '),
        data: data.map(({ labels = {}, value }) => ({ value, labels: publishableLabels(labels) })),
      },
    ]),
  );
}

const publishableLabels = (labels: Readonly<Record<string, string | number>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(labels)
      .filter(([name]) => LABEL.test(name) && !name.startsWith(INTERNAL))
      .slice(0, MOST_LABELS)
      .map(([name, value]) => [name, String(value).slice(0, LONGEST_VALUE)]),
  );
