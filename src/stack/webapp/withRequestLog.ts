import type { Clock } from '../../base/clock.ts';
import type { Answer, Incoming } from '../http/route.ts';
import { jsonOf } from './jsonTexts.ts';
import type { NetworkLink } from './networkLink.ts';
import type { Serve } from './withApiFaults.ts';

/** Characters of a body that the log keeps. */
const LONGEST = 16 * 1024;
/** Bodies of these calls hold passwords, codes, PINs, keys or tokens. Their refusals are kept. */
const SECRET = /^\/+v1\/+(?:users|account|certificates|settings\/+(?:account|backup|restore))/;
const CUT = 0;

interface LogClocks {
  readonly clock: Clock;
  /** Of the simulation. */
  readonly time: Clock;
}
type Log = Pick<NetworkLink, 'report'>;

/** Begins to measure a call. What is returned tells the network how the call was answered. */
export function beginLog(link: Log, { clock, time }: LogClocks) {
  const [at, startedMs] = [time.now(), clock.monotonic()];
  return (request: Incoming, answer: Answer, isCut: boolean): void => {
    const durationMs = clock.monotonic() - startedMs;
    link.report(() => {
      const { pathname, search } = new URL(request.url);
      const isSecret = SECRET.test(pathname);
      return {
        at,
        method: request.method,
        path: pathname + search,
        status: isCut ? CUT : answer.status,
        durationMs,
        ...(isSecret ? {} : shortened('body', jsonOf(request))),
        ...(isSecret && answer.status < 400 ? {} : shortened('answer', jsonOf(answer))),
      };
    });
  };
}

/** Serves the API, and tells the network how each call was answered. */
export function withRequestLog(serve: Serve, link: Log, clocks: LogClocks): Serve {
  return async (request, bindings) => {
    const tell = beginLog(link, clocks);
    const answer = await serve(request, bindings);
    tell(request, answer, bindings.incoming.socket?.destroyed === true);
    return answer;
  };
}

const shortened = <N extends string>(name: N, text: string | undefined): { [K in N]?: string } =>
  (text === undefined ? {} : { [name]: text.slice(0, LONGEST) }) as { [K in N]?: string };
