import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  type ContextManager,
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { startHttpsServer } from '../../../test/support/httpsServer.ts';
import { systemClock } from '../../base/clock.ts';
import { type Logger, silentLogger } from '../../base/logger.ts';
import { HttpsTransport } from '../kube/transport.ts';
import { Controller } from './controller.ts';
import { ControllerMetrics } from './metrics.ts';

interface Recorded {
  readonly name: string;
  readonly parent: string | undefined;
  readonly reconcileID: unknown;
  ended: boolean;
}

/** As little of an OpenTelemetry SDK as shows who is whose child. */
function recordSpans(): Recorded[] {
  const recorded: Recorded[] = [];
  const names = new WeakMap<object, string>();
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, action, self, ...args) => storage.run(active, () => action.apply(self as never, args)),
    bind: (_, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  const startSpan = (name: string, options?: SpanOptions, within = context.active()): Span => {
    const parent = trace.getSpan(within);
    const entry: Recorded = {
      name,
      parent: parent && names.get(parent),
      reconcileID: options?.attributes?.['controller.reconcileID'],
      ended: false,
    };
    recorded.push(entry);
    const span = trace.wrapSpanContext({ traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 });
    names.set(span, name);
    span.end = () => {
      entry.ended = true;
    };
    return span;
  };
  const tracer = {
    startSpan,
    startActiveSpan: (name: string, options: SpanOptions, action: (span: Span) => unknown) => {
      const span = startSpan(name, options);
      return context.with(trace.setSpan(context.active(), span), () => action(span));
    },
  } as Tracer;
  context.setGlobalContextManager(manager);
  trace.setGlobalTracerProvider({ getTracer: () => tracer });
  return recorded;
}

afterEach(() => {
  trace.disable();
  context.disable();
});

describe('traces', () => {
  it('show a reconcile with its calls as children, once an SDK is there', async () => {
    const recorded = recordSpans();
    const server = await startHttpsServer((_, response) => void response.end('{}'));
    const transport = new HttpsTransport({
      credentials: {
        server: server.url,
        namespace: 'default',
        identity: async () => ({ revision: 'r', tls: { ca: server.caPem } }),
      },
      clock: systemClock,
      userAgent: 'test/1',
    });
    const stop = new AbortController();
    let logged: unknown;
    const child: Logger['child'] = ({ reconcileID }) => {
      logged = reconcileID;
      return { ...silentLogger, child };
    };
    const controller = new Controller({
      name: 'sample',
      clock: systemClock,
      random: Math.random,
      logger: { ...silentLogger, child },
      metrics: new ControllerMetrics(new Registry()),
      reconcile: async (_, signal) => {
        await transport.request({ method: 'GET', path: '/api' }, signal);
        stop.abort();
        return {};
      },
    });
    controller.queue.add('a');
    await controller.run(stop.signal, new AbortController().signal);
    expect(logged).toEqual(expect.any(String));
    expect(recorded).toEqual([
      { name: 'reconcile sample', parent: undefined, reconcileID: logged, ended: true },
      { name: 'kube GET', parent: 'reconcile sample', reconcileID: undefined, ended: true },
    ]);
    transport.close();
    await server.close();
  });
});
