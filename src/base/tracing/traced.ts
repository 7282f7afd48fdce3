import {
  type Attributes,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { parseTraceparent, traceparentOf } from './traceparent.ts';
import { isTracing } from './tracingState.ts';

/** What a span tells. No attribute may hold a secret, the text of a message, a phone number or an id that holds one. */
export interface About {
  readonly kind?: SpanKind;
  /** The `traceparent` that came with the message; without it, a trace begins. */
  readonly parent?: string | undefined;
  /** Of other traces that this work is for as well. */
  readonly links?: readonly (string | undefined)[];
  readonly attributes?: Attributes;
}

/** The work that a span is about. */
export interface Work {
  /** For whoever continues the trace; undefined if there is none. */
  readonly traceparent: string | undefined;
  set(attributes: Attributes): void;
  /** `type`: what went wrong, as a code or a class of errors. Its text may hold what the caller sent. */
  fail(type: string): void;
}

/** Makes a span of some work. While traces are off, only `parent` is passed on. */
export async function traced<T>(name: string, about: About, action: (work: Work) => Promise<T>): Promise<T> {
  if (!isTracing()) return action(new Untraced(about.parent));
  const { parent, links = [], ...options } = about;
  const from = parseTraceparent(parent);
  const span = trace
    .getTracer('waba')
    .startSpan(
      name,
      { ...options, links: links.flatMap(linkTo) },
      from ? trace.setSpanContext(ROOT_CONTEXT, from) : ROOT_CONTEXT,
    );
  const work = new Traced(span);
  try {
    return await action(work);
  } catch (error) {
    work.fail(errorType(error));
    throw error;
  } finally {
    span.end();
  }
}

/** The code of an error, or else its class. */
export function errorType(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  return String(code ?? name ?? typeof error);
}

function linkTo(traceparent: string | undefined): Link[] {
  const context = parseTraceparent(traceparent);
  return context ? [{ context }] : [];
}

class Untraced implements Work {
  readonly traceparent: string | undefined;

  constructor(traceparent: string | undefined) {
    this.traceparent = traceparent;
  }

  set(): void {}
  fail(): void {}
}

class Traced implements Work {
  readonly traceparent: string;
  readonly #span: Span;

  constructor(span: Span) {
    this.#span = span;
    this.traceparent = traceparentOf(span.spanContext());
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  fail(type: string): void {
    this.#span.setAttribute('error.type', type);
    this.#span.setStatus({ code: SpanStatusCode.ERROR });
  }
}
