import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { tracingSettings } from './tracingSettings.ts';
import { setTracing } from './tracingState.ts';

export interface TracingOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name of the program in traces, unless `OTEL_SERVICE_NAME` gives another. */
  readonly serviceName: string;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Switches traces on if the `OTEL_*` variables say so. The SDK is loaded only then.
 * @returns what exports the last spans and switches traces off. @throws CodedError `BadEnvironment`
 */
export async function startTracing(options: TracingOptions): Promise<() => Promise<void>> {
  const settings = tracingSettings(options.env);
  if (!settings) return async () => {};
  const { openExport } = await import('./openExport.ts');
  const close = openExport({ ...options, ...settings });
  setTracing(true);
  return async () => {
    setTracing(false);
    await close();
  };
}
