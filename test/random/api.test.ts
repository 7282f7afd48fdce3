import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Route } from '../../src/stack/webapp/route.ts';
import { routes } from '../../src/stack/webapp/routes.ts';
import { apiCall } from '../support/apiCall.ts';
import { arbitraryBody } from '../support/arbitraryBody.ts';
import { EmulatorStack, testPostgres } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';

const never = new AbortController().signal;
const PASSWORD = 'Passw0rd!-test';
const ADMIN = '/v1/users/admin';
const AGENT = { username: 'agent', password: 'Passw0rd!-agent' };
/** `npm run soak` runs more. */
const CALLS = Number(process.env.API_CALLS ?? 1000);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

let postgres: Awaited<ReturnType<typeof testPostgres>>;
let stack: EmulatorStack;
const tokens = { admin: '', user: '' };

async function logIn(): Promise<void> {
  const client = stack.client();
  tokens.admin = (
    await eventually(() =>
      client.users
        .login('admin', PASSWORD, {}, never)
        .catch(() => client.users.login('admin', 'secret', { newPassword: PASSWORD }, never)),
    )
  ).token;
  await call('POST', '/v1/users', JSON.stringify(AGENT), 'admin');
  // A random call may have changed the password.
  await call('PUT', `/v1/users/${AGENT.username}`, JSON.stringify({ password: AGENT.password }), 'admin');
  tokens.user = (await client.users.login(AGENT.username, AGENT.password, {}, never)).token;
  client.close();
}

beforeAll(async () => {
  postgres = await testPostgres();
  stack = await EmulatorStack.start(postgres, 'fuzz_', { masters: 0, coreapps: 1, webapps: 1 });
  await logIn();
  await stack.register(stack.client(), { token: tokens.admin, expiresAtMs: Number.POSITIVE_INFINITY });
}, 60_000);
afterAll(async () => {
  await stack?.close();
  await postgres?.close();
});

const call = async (method: string, path: string, body: string | undefined, role: keyof typeof tokens) => {
  const headers = {
    authorization: `Bearer ${tokens[role]}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const { status, bytes } = await apiCall(stack.address(), { method, path, headers, body });
  return { status, text: bytes.toString('utf8') };
};

const parameter = fc.oneof(
  fc.constantFrom(
    'x',
    '0',
    'agent',
    'admin',
    '16505551234',
    '%2e%2e%2f',
    'a'.repeat(3000),
    '%00',
    '💥',
    '7b1d2f3e-0000-4c5e-9a11-0123456789ab',
  ),
  fc.string({ minLength: 1, maxLength: 30 }).filter((text) => text !== '.' && text !== '..'),
);
/** A random endpoint with a random body and role. */
const anyCall = fc
  .constantFrom(...routes.filter(({ access }) => access !== 'basic'))
  .chain((route) =>
    fc.record({
      route: fc.constant(route),
      path: fc
        .array(parameter, { minLength: 3, maxLength: 3 })
        .map((values) => route.path.replace(/:[A-Za-z]+/g, () => encodeURIComponent(values.pop() ?? ''))),
      body: route.body
        ? arbitraryBody(route.body).map((value) => JSON.stringify(value))
        : fc.constant(undefined),
      role: fc.constantFrom('admin' as const, 'user' as const),
    }),
  )
  .map((made) => ({
    ...made,
    [fc.toStringMethod]: () => `${made.role}: ${made.route.method} ${made.path} ${made.body ?? ''}`,
  }));

/** What is wrong with an answer, whatever the call was. */
function problemOf(
  { route, path, role }: { route: Route; path: string; role: string },
  { status, text }: { status: number; text: string },
): string | undefined {
  if (/\bat .*\.(ts|js):\d+|node_modules|SELECT |INSERT /.test(text)) return 'it reveals internals';
  if (role === 'user' && route.access === 'admin' && status !== 403 && status !== 401)
    return 'a user can do what only an administrator may';
  if (role === 'user' && path === ADMIN && status < 400) return 'a user sees or changes another user';
  if (status < 400) return undefined;
  if (status === 401 || (status === 404 && text === '')) return undefined;
  const errors = (JSON.parse(text) as { errors?: { code: number; details?: string }[] }).errors ?? [];
  const [error] = errors;
  if (!error) return 'a failure without errors';
  // Documented errors have details; only our fallback for unexpected errors has none.
  if (status >= 500 && status !== 503 && error.details === undefined) return `an internal error: ${text}`;
  return undefined;
}

describe('the API', () => {
  it(`answers ${CALLS} calls of any kind (seed ${SEED}) as documented: no crash, no hang, no leak`, async () => {
    process.stderr.write(`API calls: SEED=${SEED} API_CALLS=${CALLS}\n`);
    let unauthorised = 0;
    await fc.assert(
      fc.asyncProperty(anyCall, async (made) => {
        const answer = await call(made.route.method, made.path, made.body, made.role);
        expect(problemOf(made, answer)).toBeUndefined();
        // A random password is sometimes valid.
        if (made.route.method === 'PUT' && made.path === ADMIN && answer.status === 200)
          await call('PUT', ADMIN, JSON.stringify({ password: PASSWORD }), 'admin');
        if (answer.status !== 401) return;
        // A random call logged out or deleted the user.
        unauthorised += 1;
        await logIn();
      }),
      { numRuns: CALLS, seed: SEED, endOnFailure: true, includeErrorInReport: true },
    );
    expect(unauthorised).toBeLessThan(CALLS / 5);
    // The number is still registered; some calls make it reconnect.
    await eventually(async () => {
      const health = await call('GET', '/v1/health', undefined, 'admin');
      return JSON.parse(health.text).health.gateway_status === 'connected';
    });
  }, 1_200_000);
});
