import { Hono } from 'hono';
import { getPath } from 'hono/utils/url';
import { CodedError } from '../../base/codedError.ts';
import { knows } from '../../onprem/clientBehaviour.ts';
import { RETRY_AFTER_SECONDS, TooManyBodies } from '../http/bodyBudget.ts';
import { BadJson, parseJson } from '../http/parseJson.ts';
import { BodyCutShort, BodyTooLarge } from '../http/readBody.ts';
import type * as http from '../http/route.ts';
import { serveRoutes } from '../http/serveRoutes.ts';
import { isDatabaseError, isDataError } from '../store/isDatabaseError.ts';
import { Refusal } from '../wire/protocol.ts';
import { Callers } from './callers.ts';
import { NoCoreapp } from './coreappRouter.ts';
import { withJson } from './jsonTexts.ts';
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

/** Not found in any source: the largest JSON body. */
const LONGEST_JSON = 1024 * 1024;
/** No id and no name holds one; a database refuses some of them. */
const CONTROL_CHARACTER = /%(?:[01][0-9a-f]|7f)/i;

interface AnswerOptions {
  /** The HTTP status, where it is not the usual one of the code. */
  readonly status?: number | undefined;
  /** The answer is that of a Coreapp. */
  readonly relayed?: boolean;
}

/** The HTTPS API: finds the route, checks who calls, reads the body, and puts every failure into the envelope. */
export function createWebApp(options: WebAppOptions): Hono {
  const { metrics, version, clock, logger, errorsUrl } = options;
  const refused = (code: number, details?: string, more: AnswerOptions = {}) => {
    metrics.refused(code);
    return errorAnswer(code, details, version, { ...more, errorsUrl });
  };
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
  ): Promise<Response> => {
    const { request, address, read, parameter, query, traceparent } = call;
    const caller = await callers.find({ request, address }, route.access);
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
    return made instanceof Response ? made : jsonAnswer({ status: 200, payload: made as object }, version);
  };

  const routes = routesOf(version);
  const relayedRoutes = new Set(routes.filter(({ path }) => isRelayed(path)));
  app.get('/', () => textAnswer(''));
  const answered = async (route: Route, call: Omit<http.Call, 'body'>): Promise<Response> => {
    const startedMs = clock.monotonic();
    metrics.began();
    let relayed = false;
    const handOver = () => {
      relayed = relayedRoutes.has(route);
    };
    // Metrics count failures as well.
    const answer = await serve(route, call, handOver).then(
      (made) => (relayed ? markRelayed(made) : made),
      (error: unknown) => failure(error, relayed),
    );
    metrics.ended(route.method, route.path, answer.status, clock.monotonic() - startedMs);
    return answer;
  };
  serveRoutes(app, routes, traceCalls(answered));
  // Documented: an unknown endpoint is an internal error.
  app.notFound(() => refused(1014, 'Unknown endpoint', { status: 404 }));
  app.onError((error) => failure(error));

  function failure(error: unknown, isBehind = false): Response {
    if (error instanceof Refusal) {
      const { code, details, status } = error;
      return refused(code, details, {
        status,
        relayed: isBehind && !(error instanceof NoCoreapp),
      });
    }
    if (error instanceof TooManyBodies) {
      const answer = refused(1016, 'Too many large bodies at once');
      answer.headers.set('retry-after', String(RETRY_AFTER_SECONDS));
      return answer;
    }
    const problem = problemOfBody(error);
    if (problem !== undefined) return refused(1025, problem);
    if (error instanceof CodedError && error.code === 'Busy') return refused(1015, 'Too many logins at once');
    if (isDataError(error)) {
      logger.warn('the database can not hold a value of a call', { error });
      return refused(1009, 'A value can not be stored');
    }
    if (isDatabaseError(error)) {
      logger.warn('the database does not answer', { error });
      return refused(1023);
    }
    logger.error('request failed', { error });
    return refused(1014);
  }
  return app;
}

/** What is wrong with the body that a client sent; undefined for any other error. */
function problemOfBody(error: unknown): string | undefined {
  if (error instanceof BodyTooLarge) return 'The body is too large';
  if (error instanceof BodyCutShort) return 'The body ended early';
  return error instanceof BadJson ? error.message : undefined;
}
