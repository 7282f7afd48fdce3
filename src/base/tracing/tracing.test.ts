import { afterEach, describe, expect, it, vi } from 'vitest';
import { startTraceCollector } from '../../../test/support/traceCollector.ts';
import { systemClock } from '../clock.ts';
import { CodedError } from '../codedError.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { freePort } from '../ports.ts';
import { startTracing } from './startTracing.ts';
import { traced } from './traced.ts';
import { parseTraceparent } from './traceparent.ts';
import { tracingSettings } from './tracingSettings.ts';

const CALLER = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const UNSAMPLED = CALLER.replace(/01$/, '00');

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  vi.unstubAllEnvs();
});

async function start(env: Record<string, string>, logger: Logger = silentLogger) {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const end = await startTracing({
    env: process.env,
    serviceName: 'waba-test',
    version: '1',
    clock: systemClock,
    logger,
  });
  closers.push(end);
  return end;
}

describe('parseTraceparent', () => {
  it.each([
    [undefined],
    [''],
    [CALLER.replace(/^00/, 'ff')],
    [CALLER.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32))],
    [CALLER.toUpperCase()],
    [`${CALLER}-${'x'.repeat(200)}`],
    ['call +16505551234'],
  ])('takes %j for no place in a trace', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  it('reads the fields that it knows of a later version', () => {
    expect(parseTraceparent(`01${CALLER.slice(2)}-more`)).toMatchObject({ spanId: '00f067aa0ba902b7' });
  });
});

describe('tracingSettings', () => {
  it('leaves traces off unless a variable asks for them', () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://tempo:4318';
    expect(tracingSettings({ OTEL_SERVICE_NAME: 'shop', OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBeUndefined();
    expect(tracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' })).toBeUndefined();
    expect(tracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' })).toBeUndefined();
    expect(tracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT })).toMatchObject({ samplingRatio: 1 });
  });

  it('names a variable that it can not use, and not its value', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'tempo:password@4318' };
    expect(() => tracingSettings(env)).toThrow(/^OTEL_EXPORTER_OTLP_ENDPOINT: (?!.*password)/);
    expect(() =>
      tracingSettings({ OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }),
    ).toThrow(/OTEL_EXPORTER_OTLP_PROTOCOL.*http\/json/);
  });
});

describe('traces', () => {
  it('only pass on where they are while they are off', async () => {
    expect(await traced('work', { parent: CALLER }, async ({ traceparent }) => traceparent)).toBe(CALLER);
    expect(await traced('work', {}, async ({ traceparent }) => traceparent)).toBeUndefined();
  });

  it('continue the trace of the caller, and tell the type of an error but not its message', async () => {
    const collector = await startTraceCollector();
    closers.push(collector.close);
    const end = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SERVICE_NAME: 'mine' });
    const failing = traced('work', { parent: CALLER, links: [UNSAMPLED, undefined, 'no'] }, async () => {
      throw new CodedError('NotNow', 'call +16505551234');
    });
    await expect(failing).rejects.toThrow('call');
    await end();
    expect(collector.spans).toMatchObject([
      {
        service: 'mine',
        name: 'work',
        traceId: CALLER.slice(3, 35),
        parentSpanId: '00f067aa0ba902b7',
        attributes: { 'error.type': 'NotNow' },
        links: [{ spanId: '00f067aa0ba902b7' }],
        isError: true,
      },
    ]);
    expect(collector.bodies.join('')).not.toContain('16505551234');
  });

  it('are dropped where the caller does not trace, and say so to whoever comes next', async () => {
    const collector = await startTraceCollector();
    closers.push(collector.close);
    const end = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    const next = await traced('work', { parent: UNSAMPLED }, async ({ traceparent }) => traceparent);
    await end();
    expect(next).toMatch(/-00$/);
    expect(parseTraceparent(next)?.traceId).toBe(UNSAMPLED.slice(3, 35));
    expect(collector.spans).toEqual([]);
  });

  it('say once that the collector is down, and never hold up the work', async () => {
    const warned: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => void warned.push(message) };
    const end = await start(
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
        OTEL_EXPORTER_OTLP_TIMEOUT: '50',
        OTEL_BSP_SCHEDULE_DELAY: '10',
      },
      logger,
    );
    for (let batch = 0; batch < 5; batch++) {
      for (let index = 0; index < 10; index++) await traced('work', {}, async () => {});
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await end();
    expect(warned).toEqual([expect.stringContaining('the collector takes no traces')]);
  });
});
