import { type Span, SpanStatusCode } from '@opentelemetry/api';

/** The code of an error, or else its class. */
function errorType(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  return String(code ?? name ?? typeof error);
}

/** Marks a span as failed by the type of the error. Its message is left out: it may quote a number or a secret. */
export function markFailed(span: Span, error: unknown): void {
  span.setAttribute('error.type', errorType(error));
  span.setStatus({ code: SpanStatusCode.ERROR });
}
