import { SpanKind } from '@opentelemetry/api';
import { traced } from '../../base/tracing/traced.ts';
import { isTracing } from '../../base/tracing/tracingState.ts';
import type * as http from '../http/route.ts';

/** Makes a span of each call, if traces are on. It continues the trace of its caller. */
export const traceCalls =
  <R extends http.Endpoint, C extends Pick<http.Call, 'request' | 'traceparent'>>(
    serve: (route: R, call: C) => Promise<http.Answer>,
  ) =>
  (route: R, call: C): Promise<http.Answer> => {
    if (!isTracing()) return serve(route, call);
    const { method, path } = route;
    const about = {
      kind: SpanKind.SERVER,
      parent: call.request.headers.get('traceparent') ?? undefined,
      // The route and not the path, which may hold a number or the name of a user.
      attributes: { 'http.request.method': method, 'http.route': path },
    };
    return traced(`${method} ${path}`, about, async (work) => {
      const answer = await serve(route, { ...call, traceparent: work.traceparent });
      work.set({ 'http.response.status_code': answer.status });
      if (answer.status >= 500) work.fail({ code: answer.status });
      return answer;
    });
  };
