import { Readable } from 'node:stream';
import { trace } from '@opentelemetry/api';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startTraceCollector } from '../../test/support/traceCollector.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { startTracing } from '../base/tracing/startTracing.ts';
import { StackUnreachable } from './stackError.ts';
import type { StackRequest } from './stackTransport.ts';
import { TracedTransport } from './tracedTransport.ts';

const never = new AbortController().signal;
const TOKEN = 'Bearer eyJ0b2tlbi1zZWNyZXQ';
const NUMBER = '16315551000';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  vi.unstubAllEnvs();
});

/** A stack that answers with these statuses, one after the other, and what it was sent; 0: nobody answers. */
function stack(...statuses: number[]) {
  const sent: StackRequest[] = [];
  const answer = (request: StackRequest) => {
    sent.push(request);
    const status = statuses.shift();
    if (!status)
      throw new StackUnreachable(`${request.method} ${request.path}`, new Error(`no ${NUMBER} here`));
    return status;
  };
  const inner = {
    request: async (request: StackRequest) => ({ status: answer(request), body: `{"pin":"${NUMBER}"}` }),
    stream: async (request: StackRequest) => ({
      status: answer(request),
      headers: {},
      content: Readable.from([]),
    }),
    close: () => {},
  };
  return { sent, transport: new TracedTransport(inner, 'shop-webapp.default.svc') };
}

/** What the collector has got of the calls, and all that it got. */
async function traced(action: () => Promise<void>) {
  const collector = await startTraceCollector();
  closers.push(collector.close);
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
  const options = { serviceName: 'waba-test', version: '1', clock: systemClock, logger: silentLogger };
  const end = await startTracing({ env: process.env, ...options });
  await trace.getTracer('test').startActiveSpan('reconcile', (span) => action().finally(() => span.end()));
  await end();
  const root = collector.spans.find(({ name }) => name === 'reconcile');
  const calls = collector.spans.filter(({ parentSpanId }) => parentSpanId === root?.spanId);
  return { calls, all: collector.bodies.join('\n') };
}

describe('a call of a reconcile to the API of a stack', () => {
  it('is a span below it, with method, route and status, and the stack can continue the trace', async () => {
    const { sent, transport } = stack(200, 404, 503);
    const { calls } = await traced(async () => {
      await transport.request({ method: 'GET', path: '/v1/health' }, never);
      await transport.request({ method: 'GET', path: '/v1/users/ann' }, never);
      await transport.stream({ method: 'GET', path: '/v1/media/7?x=1' }, never);
    });
    expect(calls.map(({ name, attributes, isError }) => ({ name, attributes, isError }))).toEqual(
      (
        [
          ['/v1/health', 200, false],
          ['/v1/users/:username', 404, false],
          ['/v1/media/:id', 503, true],
        ] as const
      ).map(([template, status, isError]) => ({
        name: `GET ${template}`,
        attributes: {
          'http.request.method': 'GET',
          'url.template': template,
          'server.address': 'shop-webapp.default.svc',
          'http.response.status_code': status,
          ...(isError ? { 'error.type': '503' } : {}),
        },
        isError,
      })),
    );
    expect(sent.map(({ traceparent }) => traceparent)).toEqual(
      calls.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`),
    );
  });

  it('tells neither numbers nor tokens, also when it fails', async () => {
    const { transport } = stack(200, 0);
    const path = `/v1/contacts/${NUMBER}/identity`;
    const { calls, all } = await traced(async () => {
      await transport.request({ method: 'PUT', path, authorization: TOKEN, body: NUMBER }, never);
      await transport.request({ method: 'PUT', path, authorization: TOKEN }, never).catch(() => {});
    });
    expect(calls.map(({ isError }) => isError)).toEqual([false, true]);
    expect(calls[1]?.attributes['error.type']).toMatch(/^[A-Za-z]+$/);
    expect(all).not.toMatch(/16315551000|eyJ0b2tlbi1zZWNyZXQ/);
  });
});

it('A call outside of a reconcile is passed on as it is', async () => {
  const { sent, transport } = stack(200);
  const request = { method: 'GET', path: '/v1/health' } as const;
  await transport.request(request, never);
  expect(sent[0]).toBe(request);
});
