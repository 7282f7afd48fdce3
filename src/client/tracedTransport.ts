import { SpanKind, trace } from '@opentelemetry/api';
import { markFailed } from '../base/tracing/markFailed.ts';
import { traceparentOf } from '../base/tracing/traceparent.ts';
import type { StackRequest, StackResponse, StackTransport, StreamedResponse } from './stackTransport.ts';
import { urlTemplate } from './urlTemplate.ts';

/**
 * Makes a span of each call that belongs to an active span, such as the step of a reconcile, and passes the place in the
 * trace on. It tells the route and the status: paths hold numbers and names, headers tokens.
 */
export class TracedTransport implements StackTransport {
  readonly #inner: StackTransport;
  readonly #host: string;

  constructor(inner: StackTransport, host: string) {
    this.#inner = inner;
    this.#host = host;
  }

  request(request: StackRequest, signal: AbortSignal): Promise<StackResponse> {
    return this.#traced(request, (sent) => this.#inner.request(sent, signal));
  }

  /** The span ends with the headers of the answer. */
  stream(request: StackRequest, signal: AbortSignal): Promise<StreamedResponse> {
    return this.#traced(request, (sent) => this.#inner.stream(sent, signal));
  }

  close(): void {
    this.#inner.close();
  }

  #traced<T extends { readonly status: number }>(
    request: StackRequest,
    send: (request: StackRequest) => Promise<T>,
  ): Promise<T> {
    if (!trace.getActiveSpan()) return send(request);
    const { method } = request;
    const template = urlTemplate(request.path);
    const attributes = {
      'http.request.method': method,
      'url.template': template,
      'server.address': this.#host,
    };
    return trace
      .getTracer('stack')
      .startActiveSpan(`${method} ${template}`, { kind: SpanKind.CLIENT, attributes }, async (span) => {
        try {
          const answer = await send({ ...request, traceparent: traceparentOf(span.spanContext()) });
          span.setAttribute('http.response.status_code', answer.status);
          // 404 answers the question whether something is there.
          if (answer.status >= 400 && answer.status !== 404) markFailed(span, { code: answer.status });
          return answer;
        } catch (error) {
          markFailed(span, error);
          throw error;
        } finally {
          span.end();
        }
      });
  }
}
