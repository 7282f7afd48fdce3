import { trace } from '@opentelemetry/api';
import { markFailed } from './markFailed.ts';

/** Makes a span of a step, a child of the active span. Without one nothing happens. */
export function inStep<T>(name: string, action: () => Promise<T>): Promise<T> {
  if (!trace.getActiveSpan()) return action();
  return trace.getTracer('waba').startActiveSpan(name, (span) =>
    action()
      .catch((error: unknown) => {
        markFailed(span, error);
        throw error;
      })
      .finally(() => span.end()),
  );
}
