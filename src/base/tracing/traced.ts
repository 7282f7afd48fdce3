import {
  type Attributes,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanKind,
  trace,
} from '@opentelemetry/api';
import { markFailed } from './markFailed.ts';
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
  /** `problem`: an error, or `{ code }`. Only its code or class is told. */
  fail(problem: unknown): void;
}

/** Makes a span of some work. While traces are off, only `parent` is passed on. */
export function traced<T>(name: string, about: About, action: (work: Work) => Promise<T>): Promise<T> {
  // Not asynchronous itself: each message passes here several times, and a promise of its own would cost as much as the rest.
  return isTracing() ? inSpan(name, about, action) : action(new Untraced(about.parent));
}

async function inSpan<T>(name: string, about: About, action: (work: Work) => Promise<T>): Promise<T> {
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
    work.fail(error);
    throw error;
  } finally {
    span.end();
  }
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

  fail(problem: unknown): void {
    markFailed(this.#span, problem);
  }
}
