import type { Http2Bindings, HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Clock, sleep } from '../../base/clock.ts';
import type { ApiFaultSource } from './apiFaultSource.ts';
import { errorAnswer } from './respond.ts';

type Bindings = HttpBindings | Http2Bindings;
type Serve = (request: Request, bindings: Bindings) => Response | Promise<Response>;

/** Serves the API with the faults that were set: delays, errors, cut connections. */
export function withApiFaults(
  serve: Serve,
  faults: Pick<ApiFaultSource, 'isQuiet' | 'meet'>,
  { version, clock }: { version: string; clock: Clock },
): Serve {
  const cutOff = ({ incoming }: Bindings): Response => {
    incoming.socket.destroy();
    return RESPONSE_ALREADY_SENT;
  };
  return async (request, bindings) => {
    if (faults.isQuiet) return serve(request, bindings);
    const fault = await faults.meet(request.method, new URL(request.url).pathname);
    if (!fault) return serve(request, bindings);
    const { delayMs, code, status, cut } = fault;
    if (delayMs > 0) await sleep(clock, delayMs, request.signal).catch(() => {});
    if (code !== undefined) return errorAnswer(code, 'Set at the control port', version);
    if (status !== undefined)
      return new Response(`<html><body><h1>${status}</h1></body></html>`, {
        status,
        headers: { 'content-type': 'text/html' },
      });
    if (cut === 'before') return cutOff(bindings);
    const answer = await serve(request, bindings);
    return cut === 'after' ? cutOff(bindings) : answer;
  };
}
