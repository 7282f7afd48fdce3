import { isValidSpanId, isValidTraceId, type SpanContext, TraceFlags } from '@opentelemetry/api';

/** Version, trace id, id of the parent span, flags. A later version may have more fields. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const LONGEST = 128;

/** A position in a trace, as the W3C header `traceparent`. It has 55 characters, whoever sent it. */
export const traceparentOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, '0')}`;

/** undefined for what is no `traceparent`: by the standard, whoever gets it starts a trace of their own. */
export function parseTraceparent(text: string | null | undefined): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = ''] =
    (text && text.length <= LONGEST && TRACEPARENT.exec(text)) || [];
  if (!isValidTraceId(traceId) || !isValidSpanId(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true };
}
