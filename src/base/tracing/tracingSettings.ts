import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { CodedError } from '../codedError.ts';
import type { Logger } from '../logger.ts';

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** Of the protocols of OTLP, JSON over HTTP is sent: each receiver on port 4318 takes it beside protobuf. */
const PROTOCOLS = ['http/json', 'http/protobuf'];

/** An empty variable counts as none, as OpenTelemetry says. */
const variable = <S extends z.ZodType>(shape: S) =>
  z.preprocess((text) => (text === '' ? undefined : text), shape.optional());
const count = variable(z.coerce.number().int().positive());

/** Defaults are those of OpenTelemetry. */
const environment = z.object({
  OTEL_SDK_DISABLED: variable(z.string()),
  OTEL_TRACES_EXPORTER: variable(z.enum(['otlp', 'none'])),
  OTEL_EXPORTER_OTLP_ENDPOINT: variable(z.url({ protocol: /^https?$/ })),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: variable(z.url({ protocol: /^https?$/ })),
  OTEL_EXPORTER_OTLP_PROTOCOL: variable(z.enum(PROTOCOLS)),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: variable(z.enum(PROTOCOLS)),
  OTEL_TRACES_SAMPLER: variable(z.enum(SAMPLERS)),
  OTEL_TRACES_SAMPLER_ARG: variable(z.coerce.number().min(0).max(1)),
  OTEL_BSP_SCHEDULE_DELAY: count,
  OTEL_BSP_EXPORT_TIMEOUT: count,
  OTEL_BSP_MAX_QUEUE_SIZE: count,
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: count,
});

export interface TracingOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name of the program in traces, unless `OTEL_SERVICE_NAME` gives another. */
  readonly serviceName: string;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface TracingSettings {
  readonly sampler: (typeof SAMPLERS)[number];
  /** Share of the traces that begin here and are kept. */
  readonly samplingRatio: number;
  readonly scheduledDelayMillis: number | undefined;
  readonly exportTimeoutMillis: number | undefined;
  readonly maxQueueSize: number | undefined;
  readonly maxExportBatchSize: number | undefined;
}

/**
 * Reads the standard `OTEL_*` variables. Traces are on if an endpoint is set, or `OTEL_TRACES_EXPORTER=otlp`.
 * @returns undefined if traces are off. @throws CodedError `BadEnvironment`
 */
export function tracingSettings(
  env: Readonly<Record<string, string | undefined>>,
): TracingSettings | undefined {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || env.OTEL_TRACES_EXPORTER === 'none')
    return undefined;
  const isWanted =
    env.OTEL_EXPORTER_OTLP_ENDPOINT ||
    env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ||
    env.OTEL_TRACES_EXPORTER === 'otlp';
  if (!isWanted) return undefined;
  const { data, error } = environment.safeParse(env);
  if (error) {
    const [{ path, message } = { path: [], message: '' }] = error.issues;
    // Without the value: headers and endpoints may hold credentials.
    throw new CodedError('BadEnvironment', `${path.join('.')}: ${message}`);
  }
  return {
    sampler: data.OTEL_TRACES_SAMPLER ?? 'parentbased_always_on',
    samplingRatio: data.OTEL_TRACES_SAMPLER_ARG ?? 1,
    scheduledDelayMillis: data.OTEL_BSP_SCHEDULE_DELAY,
    exportTimeoutMillis: data.OTEL_BSP_EXPORT_TIMEOUT,
    maxQueueSize: data.OTEL_BSP_MAX_QUEUE_SIZE,
    maxExportBatchSize: data.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
  };
}
