import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, type ContextManager, context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { type ExportResult, ExportResultCode, setGlobalErrorHandler } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { describeError } from '../codedError.ts';
import type { Logger } from '../logger.ts';
import type { TracingOptions, TracingSettings } from './tracingSettings.ts';

/** How long the end of a process waits for a collector. The rest is dropped. */
const LAST_EXPORT_MS = 2_000;

/** Only this module loads the SDK, so that a process without traces never does. */
export function openExport(options: TracingSettings & Omit<TracingOptions, 'env'>): () => Promise<void> {
  const { serviceName, version, clock, logger } = options;
  const given = Object.fromEntries(
    (['scheduledDelayMillis', 'exportTimeoutMillis', 'maxQueueSize', 'maxExportBatchSize'] as const).flatMap(
      (name) => (options[name] === undefined ? [] : [[name, options[name]]]),
    ),
  );
  // `TellingExporter` tells it, once.
  setGlobalErrorHandler(() => {});
  const exporter = new TellingExporter(new OTLPTraceExporter(), logger);
  const provider = new TracerProvider({
    // The detector reads OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: samplerOf(options),
    spanProcessors: [new BatchSpanProcessor({ exporter, ...given })],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new LocalContext());
  logger.info('traces are exported', { sampler: options.sampler });
  return async () => {
    trace.disable();
    context.disable();
    await new Promise<void>((resolve) => {
      const cancel = clock.after(LAST_EXPORT_MS, resolve);
      void provider
        .shutdown()
        .catch(() => {})
        .finally(cancel)
        .then(resolve);
    });
  };
}

function samplerOf({ sampler, samplingRatio }: TracingSettings): Sampler {
  const roots: Readonly<Record<string, () => Sampler>> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(samplingRatio),
  };
  const root = roots[sampler.replace('parentbased_', '')]?.() ?? new AlwaysOnSampler();
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

/** Says once that the collector does not take spans, and once that it does again. Meanwhile they are dropped. */
class TellingExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #logger: Logger;
  #dropped = 0;

  constructor(exporter: SpanExporter, logger: Logger) {
    this.#exporter = exporter;
    this.#logger = logger;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, (result) => {
      if (result.code !== ExportResultCode.SUCCESS) {
        if (this.#dropped === 0)
          this.#logger.warn(
            'the collector takes no traces, so they are dropped; see the OTEL_EXPORTER_OTLP_* variables of this process',
            { error: result.error && describeError(result.error) },
          );
        this.#dropped += spans.length;
      } else if (this.#dropped > 0) {
        this.#logger.info('the collector takes traces again', { dropped: this.#dropped });
        this.#dropped = 0;
      }
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.();
  }
}

/** The active span follows what is awaited. */
class LocalContext implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with: ContextManager['with'] = (active, action, self, ...args) =>
    this.#storage.run(active, () => action.apply(self as never, args));

  bind: ContextManager['bind'] = (_, target) => target;

  enable(): this {
    return this;
  }

  disable(): this {
    this.#storage.disable();
    return this;
  }
}
