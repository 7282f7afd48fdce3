import { type TracingOptions, tracingSettings } from './tracingSettings.ts';
import { setTracing } from './tracingState.ts';

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
