import type { Registry } from 'prom-client';
import type { MetricShape } from '../../onprem/metrics.ts';

/** Metrics in the JSON shape of the API. Source: docs/onprem/api-admin.md §13.1. */
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
