import { type Context, Hono } from 'hono';
import type { Clock } from '../../base/clock.ts';
import { isDatabaseError } from '../store/isDatabaseError.ts';
import type { User } from '../store/webStore.ts';
import { Refusal } from '../wire/protocol.ts';
import { RateLimiter } from './rateLimiter.ts';
import { bodyAs, errorAnswer, parseJson, textAnswer, unauthorised } from './respond.ts';
import type { Api, Route } from './route.ts';
import { routes } from './routes.ts';
import { isOurToken } from './tokens.ts';

export interface WebAppOptions extends Omit<Api, 'forgetTokens'> {
  /** As documented, unless they are switched off. */
  readonly rateLimits: boolean;
}

/** How long a checked token is believed without asking the database, and with it how long a logout may take elsewhere. */
const TOKEN_CACHE_MS = 1_000;
/** Not found in any source: the largest JSON body. */
const LONGEST_JSON = 1024 * 1024;

/** The HTTPS API: finds the route, checks who calls, reads the body, and puts every failure into the envelope. */
export function createWebApp(options: WebAppOptions): Hono {
  const { store, metrics, version, clock, logger } = options;
  const tokens = new TokenCache(options, clock);
  const api: Api = { ...options, forgetTokens: () => tokens.clear() };
  const limiter = options.rateLimits ? new RateLimiter(clock) : undefined;
  const app = new Hono();

  const callerOf = async (
    context: Context,
    { access }: Route,
  ): Promise<{ user?: User; token: string } | undefined> => {
    const [scheme = '', credential = ''] = (context.req.header('authorization') ?? '').split(' ');
    const kind = scheme.toLowerCase();
    if (access === 'open') return { token: '' };
    if (access === 'basic') {
      const [, username = '', password = ''] =
        /^([^:]*):(.*)$/s.exec(Buffer.from(credential, 'base64').toString('utf8')) ?? [];
      const user = kind === 'basic' ? await store.checkPassword(username, password) : undefined;
      return user && { user, token: '' };
    }
    if (
      access === 'any-or-key' &&
      kind === 'apikey' &&
      options.apiKey !== undefined &&
      credential === options.apiKey
    )
      return { token: '' };
    const user = kind === 'bearer' ? await tokens.userOf(credential) : undefined;
    return user && { user, token: credential };
  };

  const serve = async (context: Context, route: Route): Promise<Response> => {
    if (limiter?.allows(route.path) === false) throw new Refusal(1015);
    const caller = await callerOf(context, route);
    if (!caller) return unauthorised();
    if (route.access === 'admin' && caller.user?.role !== 'ROLE_ADMIN') throw new Refusal(1005);
    const { raw } = context.req;
    const call = {
      request: raw,
      user: caller.user,
      token: caller.token,
      parameter: (name: string) => context.req.param(name) ?? '',
      query: (name: string) => context.req.query(name),
      text: () => readText(raw),
      body: route.body ? bodyAs(route.body, parseJson(await readText(raw))) : undefined,
    };
    return route.handle(call as never, api);
  };

  app.get('/', () => textAnswer(''));
  for (const route of routes) {
    app.on(route.method, route.path, async (context) => {
      const startedMs = clock.monotonic();
      metrics.began();
      // Failures are answers too, and counted as such.
      const answer = await serve(context, route).catch((error: unknown) => failure(error));
      metrics.ended(route.method, route.path, answer.status, clock.monotonic() - startedMs);
      return answer;
    });
  }
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

/** Tokens that were checked a moment ago. */
class TokenCache {
  readonly #options: Pick<Api, 'store' | 'jwtKey'>;
  readonly #clock: Clock;
  readonly #checked = new Map<string, { user: User; untilMs: number }>();

  constructor(options: Pick<Api, 'store' | 'jwtKey'>, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  async userOf(token: string): Promise<User | undefined> {
    const now = this.#clock.monotonic();
    const known = this.#checked.get(token);
    if (known && known.untilMs > now) return known.user;
    this.#checked.delete(token);
    const { store, jwtKey } = this.#options;
    const user = isOurToken(token, jwtKey) ? await store.tokenOwner(token) : undefined;
    if (user) this.#checked.set(token, { user, untilMs: now + TOKEN_CACHE_MS });
    return user;
  }

  clear(): void {
    this.#checked.clear();
  }
}

async function readText(request: Request): Promise<string> {
  const announced = Number(request.headers.get('content-length') ?? 0);
  if (announced > LONGEST_JSON) throw new Refusal(1025, 'The body is too large');
  const text = await request.text();
  if (text.length > LONGEST_JSON) throw new Refusal(1025, 'The body is too large');
  return text;
}
