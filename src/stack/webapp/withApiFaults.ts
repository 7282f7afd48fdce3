import type { Http2Bindings, HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Clock, sleep } from '../../base/clock.ts';
import { safeJson } from '../../base/safeJson.ts';
import { responseOf } from './jsonTexts.ts';
import type { NetworkLink } from './networkLink.ts';
import { plainPath } from './plainPath.ts';
import { isRelayed } from './relayedPath.ts';
import { errorAnswer } from './respond.ts';

type Bindings = HttpBindings | Http2Bindings;
export type Serve = (request: Request, bindings: Bindings) => Response | Promise<Response>;

/** Serves the API with the faults that were set: delays, errors, cut connections. */
export function withApiFaults(
  serve: Serve,
  faults: Pick<NetworkLink, 'isQuiet' | 'dependsOnMessage' | 'meet'>,
  { version, errorsUrl, clock }: { version: string; errorsUrl: string | undefined; clock: Clock },
): Serve {
  const cutOff = ({ incoming }: Bindings): Response => {
    incoming.socket.destroy();
    return RESPONSE_ALREADY_SENT;
  };
  return async (request, bindings) => {
    if (faults.isQuiet) return serve(request, bindings);
    const path = plainPath(new URL(request.url).pathname);
    const { method } = request;
    const message = faults.dependsOnMessage(method, path) ? await messageOf(request) : {};
    const fault = await faults.meet({ method, path, ...message });
    if (!fault) return serve(request, bindings);
    const { delayMs, code, status, cut } = fault;
    if (delayMs > 0) await sleep(clock, delayMs, request.signal).catch(() => {});
    if (code !== undefined)
      return responseOf(
        errorAnswer(code, 'Set at the control port', version, { relayed: isRelayed(path), errorsUrl }),
      );
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

/** The largest body that is read for a fault. */
const LARGEST_BODY_BYTES = 1024 * 1024;

/** To whom a call sends what; nothing if its body does not say. The call itself reads its body again. */
async function messageOf(request: Request): Promise<{ to?: string; type?: string }> {
  if (!(Number(request.headers.get('content-length')) <= LARGEST_BODY_BYTES)) return {};
  const body = safeJson(await request.clone().text()) as { to?: unknown; type?: unknown } | null | undefined;
  if (typeof body?.to !== 'string') return {};
  return { to: body.to, type: typeof body.type === 'string' ? body.type : 'text' };
}
