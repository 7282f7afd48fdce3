import { Hono } from 'hono';
import { getPath } from 'hono/utils/url';
import { knows } from '../../onprem/clientBehaviour.ts';
import { JsonAnswer } from '../http/jsonAnswer.ts';
import { parseJson } from '../http/parseJson.ts';
import type * as http from '../http/route.ts';
import { serveRoutes } from '../http/serveRoutes.ts';
import { Refusal } from '../wire/protocol.ts';
import { Callers } from './callers.ts';
import { failureAnswers, type RefusalOptions } from './failureAnswers.ts';
import { responseOf, withJson } from './jsonTexts.ts';
import { plainPath } from './plainPath.ts';
import { RateLimiter } from './rateLimiter.ts';
import { isRelayed } from './relayedPath.ts';
import { bodyAs, errorAnswer, jsonAnswer, markRelayed, textAnswer, unauthorised } from './respond.ts';
import type { Api, Route } from './route.ts';
import { routesOf } from './routes.ts';
import { traceCalls } from './traceCalls.ts';

export interface WebAppOptions extends Omit<Api, 'forgetTokens'> {
  /** Whether the documented limits apply. */
  readonly rateLimits: boolean;
  /** Where the pages of errors are, without the code; absent: refusals have no `href`. */
  readonly errorsUrl?: string | undefined;
}

export interface WebApp {
  readonly fetch: Hono['fetch'];
  /** By method and path: calls with a JSON body whose path is always the same. */
  readonly direct: ReadonlyMap<string, (call: Omit<http.Call, 'body'>) => Promise<http.Answer>>;
}

/** Not found in any source: the largest JSON body. */
const LONGEST_JSON = 1024 * 1024;
/** No id and no name holds one; a database refuses some of them. */
const CONTROL_CHARACTER = /%(?:[01][0-9a-f]|7f)/i;

/** The HTTPS API: finds the route, checks who calls, reads the body, and puts every failure into the envelope. */
export function createWebApp(options: WebAppOptions): WebApp {
  const { metrics, version, clock, logger, errorsUrl } = options;
  const refused = (code: number, details?: string, more: RefusalOptions = {}) => {
    metrics.refused(code);
    return errorAnswer(code, details, version, { ...more, errorsUrl });
  };
  const failure = failureAnswers(refused, logger);
  const callers = new Callers(options);
  const api: Api = { ...options, forgetTokens: () => callers.forget() };
  const isLimited = options.rateLimits && knows(version, 'requestLimits');
  const limiter = isLimited ? new RateLimiter(clock) : undefined;
  const app = new Hono({ getPath: (request) => plainPath(getPath(request)) });

  /** `handOver`: the Webapp is done with its own checks, and what follows is up to the Coreapp. */
  const serve = async (
    route: Route,
    call: Omit<http.Call, 'body'>,
    handOver: () => void,
  ): Promise<http.Answer> => {
    const { request, address, read, parameter, query, traceparent } = call;
    const isByToken = route.access !== 'open' && route.access !== 'basic';
    const caller =
      (isByToken ? callers.recent(request.headers.get('authorization')) : undefined) ??
      (await callers.find({ request, address }, route.access));
    if (!caller) return unauthorised();
    // Counted once the caller is known: otherwise anybody could use up the rate of those who may call.
    if (limiter?.allows(route.path) === false) throw new Refusal(1015);
    if (route.access === 'admin' && caller.user?.role !== 'ROLE_ADMIN') throw new Refusal(1005);
    if (CONTROL_CHARACTER.test(request.url) && CONTROL_CHARACTER.test(new URL(request.url).pathname))
      throw new Refusal(1009, 'The path holds a control character');
    const text = async () => {
      const json = (await read(LONGEST_JSON)).toString('utf8');
      withJson(request, json);
      return json;
    };
    const content = route.body ? parseJson(await text()) : undefined;
    handOver();
    const body = route.body ? bodyAs(route.body, content) : undefined;
    const { user, token } = caller;
    // Each field by its name: a spread is the most expensive line of a request.
    const handled = {
      request,
      address,
      read,
      parameter,
      query,
      user,
      token,
      traceparent,
      text,
      body: body as never,
    };
    const made = await route.handle(handled, api);
    if (made instanceof JsonAnswer || made instanceof Response) return made;
    return jsonAnswer({ status: 200, payload: made as object }, version);
  };

  const routes = routesOf(version);
  const relayedRoutes = new Set(routes.filter(({ path }) => isRelayed(path)));
  app.get('/', () => textAnswer(''));
  const answered = async (route: Route, call: Omit<http.Call, 'body'>): Promise<http.Answer> => {
    const startedMs = clock.monotonic();
    metrics.began();
    let relayed = false;
    const handOver = () => {
      relayed = relayedRoutes.has(route);
    };
    let answer: http.Answer;
    try {
      answer = await serve(route, call, handOver);
      if (relayed) markRelayed(answer);
    } catch (error) {
      // Metrics count failures as well.
      answer = failure(error, relayed);
    }
    metrics.ended(route.method, route.path, answer.status, clock.monotonic() - startedMs);
    return answer;
  };
  const answer = traceCalls(answered);
  serveRoutes(app, routes, async (route, call) => responseOf(await answer(route, call)));
  // Documented: an unknown endpoint is an internal error.
  app.notFound(() => responseOf(refused(1014, 'Unknown endpoint', { status: 404 })));
  app.onError((error) => responseOf(failure(error)));

  const direct = new Map(
    routes
      .filter(({ path, body, access }) => body && access !== 'basic' && !path.includes(':'))
      .map((route) => [
        `${route.method} ${route.path}`,
        (call: Omit<http.Call, 'body'>) => answer(route, call),
      ]),
  );
  return { fetch: app.fetch, direct };
}
