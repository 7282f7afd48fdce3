import { Hono } from 'hono';
import type * as http from '../http/route.ts';
import { serveRoutes } from '../http/serveRoutes.ts';
import { isDatabaseError } from '../store/isDatabaseError.ts';
import { Refusal } from '../wire/protocol.ts';
import { Callers } from './callers.ts';
import { RateLimiter } from './rateLimiter.ts';
import { bodyAs, errorAnswer, jsonAnswer, parseJson, textAnswer, unauthorised } from './respond.ts';
import type { Api, Route } from './route.ts';
import { routes } from './routes.ts';

export interface WebAppOptions extends Omit<Api, 'forgetTokens'> {
  /** Whether the documented limits apply. */
  readonly rateLimits: boolean;
}

/** Not found in any source: the largest JSON body. */
const LONGEST_JSON = 1024 * 1024;

/** The HTTPS API: finds the route, checks who calls, reads the body, and puts every failure into the envelope. */
export function createWebApp(options: WebAppOptions): Hono {
  const { metrics, version, clock, logger } = options;
  const callers = new Callers(options);
  const api: Api = { ...options, forgetTokens: () => callers.forget() };
  const limiter = options.rateLimits ? new RateLimiter(clock) : undefined;
  const app = new Hono();

  const serve = async (route: Route, { request, ...call }: Omit<http.Call, 'body'>): Promise<Response> => {
    if (limiter?.allows(route.path) === false) throw new Refusal(1015);
    const caller = await callers.find(request, route.access);
    if (!caller) return unauthorised();
    if (route.access === 'admin' && caller.user?.role !== 'ROLE_ADMIN') throw new Refusal(1005);
    const body = route.body ? bodyAs(route.body, parseJson(await readText(request))) : undefined;
    const text = () => readText(request);
    const { user, token } = caller;
    const made = await route.handle({ ...call, request, user, token, text, body: body as never }, api);
    return made instanceof Response ? made : jsonAnswer({ status: 200, payload: made as object }, version);
  };

  app.get('/', () => textAnswer(''));
  serveRoutes(app, routes, async (route, call) => {
    const startedMs = clock.monotonic();
    metrics.began();
    // Metrics count failures as well.
    const answer = await serve(route, call).catch((error: unknown) => failure(error));
    metrics.ended(route.method, route.path, answer.status, clock.monotonic() - startedMs);
    return answer;
  });
  // Documented: an unknown endpoint is an internal error.
  app.notFound(() => errorAnswer(1014, 'Unknown endpoint', version, 404));
  app.onError((error) => failure(error));

  function failure(error: unknown): Response {
    if (error instanceof Refusal) return errorAnswer(error.code, error.details, version);
    if (isDatabaseError(error)) {
      logger.warn('the database does not answer', { error });
      return errorAnswer(1023, undefined, version);
    }
    logger.error('request failed', { error });
    return errorAnswer(1014, undefined, version);
  }
  return app;
}

async function readText(request: Request): Promise<string> {
  const announced = Number(request.headers.get('content-length') ?? 0);
  if (announced > LONGEST_JSON) throw new Refusal(1025, 'The body is too large');
  const text = await request.text();
  if (text.length > LONGEST_JSON) throw new Refusal(1025, 'The body is too large');
  return text;
}
