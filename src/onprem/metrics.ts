import * as z from 'zod';

/** One metric with its values. Source: docs/onprem/api-admin.md §13.1. */
export const metricShape = z.object({
  type: z.string(),
  help: z.string(),
  data: z.array(
    z.object({
      labels: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
      value: z.number(),
    }),
  ),
});
export type MetricShape = z.output<typeof metricShape>;

const nodeMetrics = z.record(z.string(), metricShape);
/** A single instance has its metrics directly below the area, a cluster below its nodes; `db` has those of one node. */
export const statsResponse = z.looseObject({
  stats: z.record(z.string(), z.union([nodeMetrics, z.record(z.string(), nodeMetrics)])),
});
export const metricsResponse = z.looseObject({ metrics: nodeMetrics });

/** The metrics of either form by node; the single node has the key ''. */
export function statsNodes(
  response: z.output<typeof statsResponse>,
): Record<string, Record<string, MetricShape>> {
  const [area = {}] = Object.values(response.stats);
  const flat = nodeMetrics.safeParse(area);
  // An empty answer is taken for that of a single instance without metrics.
  if (flat.success) return { '': flat.data };
  return area as Record<string, Record<string, MetricShape>>;
}

/**
 * Metrics of several nodes as Prometheus text, with more labels for each line, which a metric's own ones do not replace.
 * Source: docs/onprem/api-admin.md §13.2.
 */
export function prometheusText(
  nodes: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly metrics: Record<string, MetricShape>;
  }[],
): string {
  const names = [...new Set(nodes.flatMap(({ metrics }) => Object.keys(metrics)))];
  const lines = names.flatMap((name) => {
    const about = nodes.map(({ metrics }) => metrics[name]).find((metric) => metric !== undefined);
    const values = nodes.flatMap(({ labels, metrics }) =>
      (metrics[name]?.data ?? []).map(
        ({ labels: own, value }) => `${name}${labelText({ ...labels, ...own, ...labels })} ${value}`,
      ),
    );
    return [`# HELP ${name} ${about?.help}`, `# TYPE ${name} ${about?.type}`, ...values];
  });
  return `${lines.join('\n')}\n`;
}

function labelText(labels: Readonly<Record<string, string | number>>): string {
  const entries = Object.entries(labels).map(([key, value]) => `${key}="${quoted(String(value))}"`);
  return entries.length === 0 ? '' : `{${entries.join(',')}}`;
}

const quoted = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
