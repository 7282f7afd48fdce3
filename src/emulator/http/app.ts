import { Hono } from 'hono';
import { codeRequest, verifyRequest } from '../../onprem/account.ts';
import { normaliseRecipient, sendRequest } from '../../onprem/messages.ts';
import { DEFAULT_ADMIN, formatExpiry, loginRequest, passwordProblem } from '../../onprem/users.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { User, WebStore } from '../store/webStore.ts';
import { Refusal } from '../wire/protocol.ts';
import type { CoreappRouter } from './coreappRouter.ts';
import { errorAnswer, jsonAnswer, parseBody, unauthorised } from './respond.ts';
import { isOurToken, issueToken } from './tokens.ts';

export interface WebAppOptions {
  readonly store: WebStore;
  readonly router: CoreappRouter;
  readonly jwtKey: string;
  readonly apiKey: string | undefined;
  readonly caPem: string;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long a checked token is believed without asking the database, and with it how long a logout may take. */
const TOKEN_CACHE_MS = 1_000;
const LONGEST_JSON = 1024 * 1024;

type Access = 'any' | 'admin' | 'any-or-key';
interface Call {
  readonly request: Request;
  readonly user: User | undefined;
  readonly token: string;
  body(): Promise<string>;
}

/** The HTTPS API under /v1, as far as it is served. Source: api-admin reference 2. */
export function createWebApp(options: WebAppOptions): Hono {
  const { store, router, version, clock } = options;
  const checked = new Map<string, { user: User; untilMs: number }>();
  const app = new Hono();

  const userOf = async (token: string): Promise<User | undefined> => {
    const now = clock.monotonic();
    const known = checked.get(token);
    if (known && known.untilMs > now) return known.user;
    checked.delete(token);
    const user = isOurToken(token, options.jwtKey) ? await store.tokenOwner(token) : undefined;
    if (user) checked.set(token, { user, untilMs: now + TOKEN_CACHE_MS });
    return user;
  };

  const handle = (
    method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE',
    path: string,
    access: Access,
    action: (call: Call) => Promise<Response>,
  ) => {
    app.on(method, path, async (context) => {
      const [scheme = '', credential = ''] = (context.req.header('authorization') ?? '').split(' ');
      const byKey =
        access === 'any-or-key' &&
        scheme.toLowerCase() === 'apikey' &&
        options.apiKey !== undefined &&
        credential === options.apiKey;
      const user = scheme.toLowerCase() === 'bearer' ? await userOf(credential) : undefined;
      if (!user && !byKey) return unauthorised();
      if (access === 'admin' && user?.role !== 'ROLE_ADMIN') return errorAnswer(1005, undefined, version);
      return action({
        request: context.req.raw,
        user,
        token: credential,
        body: () => readBody(context.req.raw),
      });
    });
  };
  const done = (status: number, payload?: Record<string, unknown>) =>
    jsonAnswer({ status, relayed: true, ...(payload ? { payload } : {}) }, version);

  app.get('/', (context) => context.text(''));

  app.post('/v1/users/login', async (context) => {
    const [scheme = '', encoded = ''] = (context.req.header('authorization') ?? '').split(' ');
    const [, username = '', password = ''] =
      /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
    const user = scheme.toLowerCase() === 'basic' ? await store.checkPassword(username, password) : undefined;
    if (!user) return unauthorised();
    const { new_password } = parseBody(loginRequest, await readBody(context.req.raw));
    if (new_password === undefined && user.mustChange) return errorAnswer(1024, undefined, version);
    if (new_password !== undefined) {
      const problem =
        passwordProblem(new_password) ??
        (new_password === DEFAULT_ADMIN.password ? 'Password must differ' : undefined);
      if (problem) return errorAnswer(1009, problem, version);
      await store.setPassword(username, new_password);
    }
    const { token, expiresAt } = issueToken(username, options.jwtKey, clock.now());
    await store.storeToken(token, username, expiresAt * 1000);
    return jsonAnswer(
      { status: 200, payload: { users: [{ token, expires_after: formatExpiry(expiresAt) }] } },
      version,
    );
  });
  handle('POST', '/v1/users/logout', 'any', async ({ token }) => {
    await store.removeToken(token);
    checked.delete(token);
    return jsonAnswer({ status: 200 }, version);
  });

  handle('POST', '/v1/account', 'admin', async ({ body }) => {
    const { outcome, vname } = await router.primary('requestCode', parseBody(codeRequest, await body()));
    return outcome === 'already-registered' ? done(201) : done(202, { account: [{ vname }] });
  });
  handle('POST', '/v1/account/verify', 'admin', async ({ body }) => {
    await router.primary('verifyCode', parseBody(verifyRequest, await body()));
    return done(201);
  });
  handle('GET', '/v1/account/shards', 'admin', async () =>
    done(200, { account: await router.primary('shards', {}) }),
  );

  const settings = '/v1/settings/application';
  handle('GET', settings, 'admin', async () =>
    done(200, { settings: { application: await router.primary('getSettings', {}) } }),
  );
  handle('PATCH', settings, 'admin', async ({ body }) => {
    await router.primary('patchSettings', parseBody(anyObject, await body()));
    return done(200);
  });
  handle('DELETE', settings, 'admin', async () => {
    await router.primary('resetSettings', {});
    return done(200);
  });

  const webhookCa = '/v1/certificates/webhooks/ca';
  handle('GET', webhookCa, 'admin', async () => {
    const { pem } = await router.primary('getWebhookCa', {});
    if (pem === undefined) return errorAnswer(1006, 'No webhook CA certificates found', version);
    return new Response(pem, { headers: { 'content-type': 'text/plain;charset=UTF-8' } });
  });
  handle('POST', webhookCa, 'admin', async ({ body }) => {
    await router.primary('setWebhookCa', { pem: await body() });
    return done(200);
  });
  handle('DELETE', webhookCa, 'admin', async () => {
    await router.primary('setWebhookCa', {});
    return done(200);
  });
  handle(
    'GET',
    '/v1/certificates/external/ca',
    'any',
    async () =>
      new Response(options.caPem, {
        headers: {
          'content-type': 'text/plain;charset=UTF-8',
          'cache-control': 'public',
          'accept-ranges': 'bytes',
          'content-disposition': 'attachment; filename="ca.pem"',
        },
      }),
  );

  handle('GET', '/v1/health', 'any-or-key', async () => {
    const health = await router.health();
    // A single instance whose only node can't answer has nothing but errors.
    if ('errors' in health && Array.isArray(health.errors))
      return jsonAnswer({ status: 500, payload: { errors: health.errors }, relayed: true }, version);
    return done(200, { health });
  });
  handle('GET', '/v1/support', 'any', async () => done(200, { support: await router.support() }));

  handle('POST', '/v1/messages', 'any', async ({ body }) => {
    const message = parseBody(sendRequest, await body());
    const id = await router.send(normaliseRecipient(message.to) ?? message.to, message);
    return done(201, { messages: [{ id }] });
  });

  // Documented: an unknown endpoint is an internal error.
  app.notFound(() => errorAnswer(1014, 'Unknown endpoint', version, 404));
  app.onError((error) => {
    if (error instanceof Refusal) return errorAnswer(error.code, error.details, version);
    options.logger.error('request failed', { error });
    return isDatabaseError(error)
      ? errorAnswer(1023, undefined, version)
      : errorAnswer(1014, undefined, version);
  });
  return app;
}

const anyObject = {
  safeParse: (value: unknown) => ({ success: true as const, data: value as Record<string, unknown> }),
};

async function readBody(request: Request): Promise<string> {
  const text = await request.text();
  if (text.length > LONGEST_JSON) throw new Refusal(1025, 'The body is too large');
  return text;
}

/** Errors of the database driver carry a SQLSTATE, or are those of a socket. */
function isDatabaseError(error: Error): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && (/^[0-9A-Z]{5}$/.test(code) || code.startsWith('ECONN'));
}
