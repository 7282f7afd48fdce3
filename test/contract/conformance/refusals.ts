import { beforeAll, describe, expect, it } from 'vitest';
import { isRelayed } from '../../../src/stack/webapp/relayedPath.ts';
import { routes } from '../../../src/stack/webapp/routes.ts';
import type { Answered } from '../../support/apiCall.ts';
import type { ConformanceApi } from '../../support/conformanceApi.ts';

const VERSION = 'v2.57.1';
const AGENT = { username: 'reader', password: 'Passw0rd!-reader' };
const HEX = /^[0-9a-f]{32}$/;

/** What every answer looks like, by who gave it. */
function expectForm(what: string, { status, headers, json, bytes }: Answered, isBehind: boolean): void {
  expect([what, headers.server]).toEqual([what, 'Server']);
  expect([what, headers['x-request-id']]).toEqual([what, expect.stringMatching(HEX)]);
  const ids = isBehind ? expect.stringMatching(HEX) : undefined;
  expect([what, headers['x-internal-request-ids']]).toEqual([what, ids]);
  if (bytes.length === 0) return;
  expect([what, headers['content-type'], headers['cache-control']]).toEqual([
    what,
    'application/json',
    'no-cache, private',
  ]);
  const meta = { api_status: 'stable', version: isBehind ? VERSION.slice(1) : VERSION };
  expect([what, json.meta, Object.keys(json).sort()]).toEqual([what, meta, ['errors', 'meta']]);
  for (const { code, title, details = '', ...others } of json.errors)
    expect([what, status, typeof code, typeof title, typeof details, others]).toEqual([
      what,
      status,
      'number',
      'string',
      'string',
      {},
    ]);
}

/** Every refusal has the envelope and the headers of whoever decided it. */
export function refusals(api: ConformanceApi): void {
  const { ask, call } = api;
  describe('refusals of every endpoint', () => {
    let agent = '';
    beforeAll(async () => {
      await call('POST', '/v1/users', AGENT);
      const auth = `Basic ${Buffer.from(`${AGENT.username}:${AGENT.password}`).toString('base64')}`;
      agent = (await ask('POST', '/v1/users/login', {}, { auth })).json.users[0].token;
    });
    const example = (path: string) => path.replace(/:[A-Za-z]+/g, 'none');
    const table = routes.map((route) => [`${route.method} ${route.path}`, route] as const);

    it.each(table)('%s: by the Webapp without a token', async (name, { method, path }) => {
      const refused = await ask(method, example(path), undefined, { auth: '' });
      expect(refused.status).toBe(401);
      expectForm(name, refused, false);
    });

    it.each(table.filter(([, { access }]) => access === 'admin'))(
      '%s: by the Webapp with a token of a user',
      async (name, { method, path }) => {
        const refused = await ask(method, example(path), undefined, { auth: `Bearer ${agent}` });
        expect([refused.status, refused.json.errors[0].code]).toEqual([403, 1005]);
        expectForm(name, refused, false);
      },
    );

    it.each(table.filter(([, { body, access }]) => body && access !== 'basic'))(
      '%s: by the Webapp of what is not JSON, behind it of the rest',
      async (name, { method, path }) => {
        expectForm(name, await ask(method, example(path), '{'), false);
        const refused = await ask(method, example(path), '[]');
        expect(refused.status).toBeGreaterThanOrEqual(400);
        expectForm(name, refused, isRelayed(path));
      },
    );

    it.each(table.filter(([, { path }]) => path.includes(':')))(
      '%s: of something that is not there',
      async (name, { method, path, body }) => {
        const refused = await ask(method, example(path), body ? '{"no_such_field":1}' : undefined);
        expect(refused.status).toBeGreaterThanOrEqual(400);
        expectForm(name, refused, isRelayed(path));
      },
    );

    it.each([
      ['GET', '/v1/settings/profile/photo', 1006],
      ['GET', '/v1/certificates/webhooks/ca', 1006],
      ['POST', '/v1/account/verify', 1005],
      ['POST', '/v1/settings/restore', 1005],
      ['PATCH', '/v1/settings/application', 1010],
    ] as const)('%s %s: decided behind the Webapp', async (method, path, code) => {
      const body = { code: '000000', password: 'x', data: 'x' };
      const refused = await ask(method, path, method === 'GET' ? undefined : body);
      expect(refused.json.errors[0].code).toBe(code);
      expectForm(`${method} ${path}`, refused, true);
    });

    it('that does not exist: by the Webapp', async () => {
      expectForm('nowhere', await ask('GET', '/v1/nowhere'), false);
    });
  });
}

/** Slashes too many change nothing. */
export function slashes(api: ConformanceApi): void {
  describe('slashes too many', () => {
    it.each(routes.map(({ method, path }) => [method, path] as const))('in %s %s', async (method, path) => {
      const plain = path.replace(/:[A-Za-z]+/g, 'none');
      for (const written of [`${plain}/`, `/${plain}`, plain.replaceAll('/', '//'), `${plain}/?format=x`]) {
        const refused = await api.ask(method, written, undefined, { auth: '' });
        // Without a token, an endpoint answers 401, and anything else 404.
        expect([written, refused.status]).toEqual([written, 401]);
      }
    });
  });
}
