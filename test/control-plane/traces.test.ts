import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { startTracing } from '../../src/base/tracing/startTracing.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { installCrd, testClient } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { ScriptedStack } from '../support/scriptedStack.ts';
import { startTraceCollector } from '../support/traceCollector.ts';

let collector: Awaited<ReturnType<typeof startTraceCollector>>;
let stack: ScriptedStack;
let endTraces: () => Promise<void>;

beforeAll(async () => {
  collector = await startTraceCollector();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '100');
  endTraces = await startTracing({
    env: process.env,
    serviceName: 'waba-operator',
    version: 'test',
    clock: systemClock,
    logger: silentLogger,
  });
  const client = await testClient();
  await installCrd(client);
  stack = await ScriptedStack.start(client, () =>
    kubeconfigCredentials(systemClock, { path: inject('kubeconfig') }),
  );
});
afterEach(() => vi.unstubAllEnvs());
afterAll(async () => {
  await stack?.close();
  await endTraces?.();
  await collector?.close();
});

describe('traces of the operator', () => {
  it('show each reconcile with its steps and its writes to a real API server', async () => {
    await stack.create();
    const found = () => {
      const reconcile = collector.spans.find(
        ({ name, attributes, spanId }) =>
          name === 'reconcile workloads' &&
          String(attributes['controller.key']).startsWith(`${stack.namespace}/`) &&
          collector.spans.some((step) => step.name === 'act' && step.parentSpanId === spanId),
      );
      const act = collector.spans.find(
        ({ name, parentSpanId }) => name === 'act' && parentSpanId === reconcile?.spanId,
      );
      const write = collector.spans.find(
        ({ name, parentSpanId }) => name === 'kube PATCH' && parentSpanId === act?.spanId,
      );
      return { reconcile, write };
    };
    await eventually(() => found().write !== undefined, 60_000);
    const { reconcile, write } = found();
    expect(reconcile).toMatchObject({
      service: 'waba-operator',
      attributes: {
        'controller.name': 'workloads',
        'controller.reason': expect.any(String),
        'controller.queue_wait_ms': expect.anything(),
        'controller.outcome': expect.stringMatching(/success|requeue_after|error|lost_race/),
      },
    });
    expect(write?.traceId).toBe(reconcile?.traceId);
    expect(write?.attributes['url.path']).toContain(`/namespaces/${stack.namespace}/`);
    // Leases, events and the like belong to no reconcile, and would fill the collector.
    expect(
      collector.spans.filter(({ name, parentSpanId }) => name.startsWith('kube ') && !parentSpanId),
    ).toEqual([]);
  });
});
