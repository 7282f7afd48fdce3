import type { Registry } from 'prom-client';
import type { MetricShape } from './nodeProtocol.ts';

/** Metrics in the JSON shape of the API. Source: api-admin reference 13.1. */
export async function metricsJson(registry: Registry): Promise<Record<string, MetricShape>> {
  const metrics = await registry.getMetricsAsJSON();
  return Object.fromEntries(
    metrics.map(({ name, help, type, values }) => [
      name,
      {
        type: String(type),
        help,
        data: values.map(({ labels, value }) => ({
          ...(Object.keys(labels).length > 0 ? { labels: labels as Record<string, string | number> } : {}),
          value,
        })),
      },
    ]),
  );
}

/** The same as Prometheus text, with more labels for each line. */
export function metricsText(
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
        ({ labels: own, value }) => `${name}${labelText({ ...labels, ...own })} ${value}`,
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
