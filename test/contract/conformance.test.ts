import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate } from '../../src/base/pki/certificates.ts';
import { routes } from '../../src/stack/webapp/routes.ts';
import { type Answered, apiCall } from '../support/apiCall.ts';
import { type ApiTarget, startApiTarget } from '../support/apiTarget.ts';
import { CODE, certificateFor, startReceiver } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { testDatabase } from '../support/testDatabase.ts';

const PASSWORD = 'Passw0rd!-test';
const CUSTOMER = '16505551234';
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);
const WEBP = Buffer.from('UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==', 'base64');

let database: Awaited<ReturnType<typeof testDatabase>>;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let stack: ApiTarget;
let token = '';
/** Routes that some call here has reached, as `GET /v1/users/:username`. */
const reached = new Set<string>();

/** A call as any HTTP client makes it. */
function call(
  method: string,
  path: string,
  body?: unknown,
  { auth = `Bearer ${token}`, type = 'application/json' }: { auth?: string; type?: string } = {},
): Promise<Answered> {
  const pattern = routes.find(
    (route) =>
      route.method === method &&
      new RegExp(`^${route.path.replace(/:[A-Za-z]+/g, '[^/]+')}$`).test(path.split('?')[0] ?? ''),
  );
  if (pattern) reached.add(`${method} ${pattern.path}`);
  const content =
    body === undefined || Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body);
  const headers = {
    ...(auth === '' ? {} : { authorization: auth }),
    ...(content === undefined ? {} : { 'content-type': type }),
  };
  return apiCall(stack.address(), { method, path, headers, body: content });
}

const basic = (username: string, password: string) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
const failure = ({ status, json }: Answered) => [status, json?.errors?.[0]?.code, json?.errors?.[0]?.details];
const upload = async (bytes: Buffer, type: string): Promise<string> =>
  (await call('POST', '/v1/media', bytes, { type })).json.media[0].id;
const webhooks = (type: string) =>
  receiver.received.flatMap(({ messages = [] }) => messages.filter((message) => message.type === type));

/** Somebody writes to the number. @returns the message's id */
async function write(message: {
  from: string;
  type: string;
  content: Record<string, unknown>;
  media?: { type: string; data: Buffer };
  context?: object;
  profileName?: string;
}): Promise<string> {
  const { type, content, media, ...rest } = message;
  const bytes = media && { data: media.data.toString('base64'), mime_type: media.type };
  const answer = await stack.simulate('POST', `/numbers/${stack.number}/messages`, {
    ...rest,
    type,
    [type]: content,
    ...bytes,
  });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { id: string }).id;
}
const told = async <T>(path: string): Promise<T> => (await (await stack.simulate('GET', path)).json()) as T;
const hasPin = async () =>
  (await told<{ numbers: { number: string; hasPin: boolean }[] }>('/numbers')).numbers.find(
    ({ number }) => number === stack.number,
  )?.hasPin;
const statusInChat = async (waId: string, id: string) =>
  (
    await told<{ messages: { id: string; status: string }[] }>(`/numbers/${stack.number}/chats/${waId}`)
  ).messages.find((message) => message.id === id)?.status;

beforeAll(async () => {
  database = await testDatabase();
  receiver = await startReceiver();
  stack = await startApiTarget(database, 'conf_');
});
afterAll(async () => {
  await stack?.close();
  await receiver?.close();
  await database?.close();
});

describe('users', () => {
  it('log in with Basic, and the first time with a new password', async () => {
    expect(failure(await call('POST', '/v1/users/login', {}, { auth: basic('admin', 'secret') }))).toEqual([
      401,
      1024,
      undefined,
    ]);
    const weak = await call(
      'POST',
      '/v1/users/login',
      { new_password: 'weak' },
      { auth: basic('admin', 'secret') },
    );
    expect(failure(weak).slice(0, 2)).toEqual([400, 1009]);
    const first = await call(
      'POST',
      '/v1/users/login',
      { new_password: PASSWORD },
      { auth: basic('admin', 'secret') },
    );
    expect(first.status).toBe(200);
    expect(first.json.users[0].expires_after).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00$/);
    expect(first.json.meta).toEqual({ api_status: 'stable', version: 'v2.57.1' });
    expect(first.headers).toMatchObject({ server: 'Server', 'cache-control': 'no-cache, private' });
    expect(first.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
    expect(first.headers['x-internal-request-ids']).toBeUndefined();
    const [header = ''] = first.json.users[0].token.split('.');
    expect(Buffer.from(header, 'base64').toString()).toBe('{"alg": "HS256", "typ": "JWT"}');
    token = first.json.users[0].token;
    const wrong = await call('POST', '/v1/users/login', {}, { auth: basic('admin', 'wrong') });
    expect([wrong.status, wrong.bytes.length]).toEqual([401, 0]);
  });

  it('are made by an administrator, may do what their role allows, and go with their tokens', async () => {
    expect((await call('POST', '/v1/users', { username: 'agent', password: PASSWORD })).json.users).toEqual([
      { username: 'agent' },
    ]);
    expect(failure(await call('POST', '/v1/users', { username: 'agent', password: PASSWORD }))).toEqual([
      500,
      1014,
      'Unable to create user. Already exist?',
    ]);
    expect(
      failure(await call('POST', '/v1/users', { username: 'abc', password: PASSWORD })).slice(0, 2),
    ).toEqual([400, 1009]);
    expect(failure(await call('POST', '/v1/users', { username: 'agent2' })).slice(0, 2)).toEqual([400, 1008]);
    expect((await call('GET', '/v1/users/agent')).json.users).toEqual([
      { ROLES: 'ROLE_USER', username: 'agent' },
    ]);
    expect(failure(await call('GET', '/v1/users/nobody')).slice(0, 2)).toEqual([404, 1006]);

    const login = await call('POST', '/v1/users/login', {}, { auth: basic('agent', PASSWORD) });
    const agent = { auth: `Bearer ${login.json.users[0].token}` };
    expect(failure(await call('GET', '/v1/settings/application', undefined, agent)).slice(0, 2)).toEqual([
      403, 1005,
    ]);
    expect(failure(await call('GET', '/v1/users/admin', undefined, agent)).slice(0, 2)).toEqual([403, 1005]);
    expect((await call('GET', '/v1/users/agent', undefined, agent)).status).toBe(200);
    expect((await call('PUT', '/v1/users/agent', { password: `${PASSWORD}2` }, agent)).status).toBe(200);
    // Changing a password revokes nothing.
    expect((await call('GET', '/v1/support', undefined, agent)).status).toBe(200);
    expect((await call('POST', '/v1/users/logout', undefined, agent)).status).toBe(200);
    expect((await call('GET', '/v1/support', undefined, agent)).status).toBe(401);

    const again = await call('POST', '/v1/users/login', {}, { auth: basic('agent', `${PASSWORD}2`) });
    expect((await call('DELETE', '/v1/users/agent')).json.users).toEqual([{ username: 'agent' }]);
    expect(
      (await call('GET', '/v1/support', undefined, { auth: `Bearer ${again.json.users[0].token}` })).status,
    ).toBe(401);
    expect(failure(await call('DELETE', '/v1/users/admin')).slice(0, 2)).toEqual([403, 1005]);
    expect(failure(await call('DELETE', '/v1/users/agent')).slice(0, 2)).toEqual([404, 1006]);
  });
});

describe('every endpoint', () => {
  const example = (path: string) => path.replace(/:[A-Za-z]+/g, 'x');

  it('is closed without a token, with a foreign one, and with the API key where it does not count', async () => {
    for (const { method, path, access } of routes.filter(
      (route) => route.access !== 'open' && route.access !== 'basic',
    )) {
      for (const auth of [
        '',
        'Bearer nonsense',
        'Bearer a.b.c',
        ...(access === 'any-or-key' ? [] : ['Apikey test-api-key-0001']),
      ])
        expect([method, path, auth, (await call(method, example(path), undefined, { auth })).status]).toEqual(
          [method, path, auth, 401],
        );
      if (access === 'any-or-key')
        expect(
          (await call(method, example(path), undefined, { auth: 'Apikey test-api-key-0001' })).status,
        ).toBe(200);
    }
    reached.clear();
  });

  it('answers broken JSON, other JSON and a huge body with the documented error', async () => {
    for (const { method, path } of routes.filter(({ body, access }) => body && access !== 'basic')) {
      for (const body of ['{', '"text"', '5'])
        expect([path, ...failure(await call(method, example(path), body)).slice(0, 2)]).toEqual([
          path,
          400,
          1025,
        ]);
    }
    const huge = `{"text":"${'x'.repeat(1024 * 1024 + 1)}"}`;
    expect(failure(await call('POST', '/v1/messages', huge))).toEqual([400, 1025, 'The body is too large']);
    expect(failure(await call('GET', '/v1/nowhere'))).toEqual([404, 1014, 'Unknown endpoint']);
    expect(failure(await call('PATCH', '/v1/messages'))).toEqual([404, 1014, 'Unknown endpoint']);
    expect((await call('GET', '/', undefined, { auth: '' })).status).toBe(200);
    reached.clear();
  });
});

describe('the account', () => {
  const number = () => ({ cc: '1', phone_number: stack.number.slice(1) });

  it('is unregistered, then asks for a code, and is registered with it', async () => {
    await eventually(
      async () => (await call('GET', '/v1/health')).json.health?.gateway_status === 'unregistered',
    );
    expect((await call('GET', '/v1/support')).json.support).toMatchObject({
      debug_info: 'unregistered',
      db_engine: database.engine,
    });
    expect(failure(await call('POST', '/v1/account/verify', { code: '1' })).slice(0, 2)).toEqual([400, 1009]);
    expect(
      failure(await call('POST', '/v1/account', { ...number(), method: 'fax', cert: 'x' })).slice(0, 2),
    ).toEqual([400, 1009]);
    expect(failure(await call('POST', '/v1/account', { ...number(), method: 'sms', cert: 'x' }))).toEqual([
      403,
      1005,
      "Registration failed for reason 'biz_link_info_invalid_payload'.",
    ]);
    const requested = { ...number(), method: 'SMS', cert: certificateFor(stack.number) };
    const sent = await call('POST', '/v1/account', requested);
    expect([sent.status, sent.json.account]).toEqual([202, [{ vname: 'Test Shop' }]]);
    expect(sent.json.meta.version).toBe('2.57.1');
    expect(sent.headers['x-internal-request-ids']).toMatch(/^[0-9a-f]{32}$/);
    expect(failure(await call('POST', '/v1/account', requested))[2]).toMatch(
      /^Please wait 0 hour\(s\) \d+ minute\(s\) before trying again$/,
    );
    expect(failure(await call('POST', '/v1/account/verify', { code: '000-000' })).slice(0, 2)).toEqual([
      403, 1005,
    ]);
    expect((await call('POST', '/v1/account/verify', { code: CODE.replace(/^(...)/, '$1-') })).status).toBe(
      201,
    );
    await eventually(
      async () => (await call('GET', '/v1/health')).json.health.gateway_status === 'connected',
    );
    expect((await call('POST', '/v1/account', requested)).status).toBe(201);
    expect((await call('GET', '/v1/support')).json.support.debug_info).toBe(stack.number);
  });

  it('has one shard, which a single instance can not split', async () => {
    expect((await call('GET', '/v1/account/shards')).json.account).toEqual({ shards: 1 });
    const cert = certificateFor(stack.number);
    expect((await call('POST', '/v1/account/shards', { ...number(), shards: '1', cert })).status).toBe(201);
    expect(
      failure(await call('POST', '/v1/account/shards', { ...number(), shards: 3, cert })).slice(0, 2),
    ).toEqual([400, 1009]);
    expect(
      failure(await call('POST', '/v1/account/shards', { ...number(), shards: 2, cert })).slice(0, 2),
    ).toEqual([400, 1009]);
    expect(failure(await call('POST', '/v1/account/shards', { ...number(), shards: 1 })).slice(0, 2)).toEqual(
      [400, 1008],
    );
  });

  it('asks for the two-step PIN once there is one', async () => {
    expect(failure(await call('POST', '/v1/settings/account/two-step', { pin: '12' })).slice(0, 2)).toEqual([
      400, 1009,
    ]);
    expect((await call('POST', '/v1/settings/account/two-step', { pin: '123456' })).status).toBe(200);
    expect(await hasPin()).toBe(true);
    expect((await call('DELETE', '/v1/settings/account/two-step')).status).toBe(200);
    expect(await hasPin()).toBe(false);
  });
});

describe('settings', () => {
  it('of the application merge, refuse what they do not know, and go back to their defaults', async () => {
    const path = '/v1/settings/application';
    const defaults = (await call('GET', path)).json.settings.application;
    expect(defaults).toMatchObject({ callback_persist: true, heartbeat_interval: 5, wa_id: stack.number });
    expect((await call('PATCH', path, { webhooks: { max_concurrent_requests: 12 } })).status).toBe(200);
    expect((await call('GET', path)).json.settings.application.webhooks).toEqual({
      ...defaults.webhooks,
      max_concurrent_requests: 12,
    });
    for (const [body, code] of [
      [{ webhooks: { url: 'http://plain' } }, 1009],
      [{ webhooks: { max_concurrent_requests: 7 } }, 1009],
      [{ no_such_setting: true }, 1010],
      [{ callback_persist: 'yes' }, 1009],
      [{ pass_through: true }, 1009],
      [{ media: { auto_download: ['fax'] } }, 1009],
    ] as const)
      expect([body, ...failure(await call('PATCH', path, body)).slice(0, 2)]).toEqual([body, 400, code]);
    expect((await call('DELETE', path)).status).toBe(200);
    expect((await call('GET', path)).json.settings.application).toEqual(defaults);
  });

  it('of media providers replace by name', async () => {
    const path = '/v1/settings/application/media/providers';
    const provider = { name: 'cdn', type: 'www', config: { basic: { username: 'u', password: 'p' } } };
    expect((await call('POST', path, [provider])).status).toBe(200);
    expect((await call('POST', path, [{ ...provider, config: { bearer: 't' } }])).status).toBe(200);
    expect((await call('GET', path)).json.settings.application.media.providers).toEqual([
      { ...provider, config: { bearer: 't' } },
    ]);
    expect(failure(await call('POST', path, [{ ...provider, type: 'ftp' }])).slice(0, 2)).toEqual([
      400, 1009,
    ]);
    expect(failure(await call('POST', path, provider)).slice(0, 2)).toEqual([400, 1025]);
    expect((await call('DELETE', `${path}/cdn`)).status).toBe(200);
    expect(failure(await call('DELETE', `${path}/cdn`)).slice(0, 2)).toEqual([404, 1006]);
  });

  it('of the profile are kept: about, photo, business, compliance', async () => {
    expect((await call('GET', '/v1/settings/profile/about')).json.settings.profile.about.text).toBe(
      'Hey there! I am using WhatsApp.',
    );
    expect((await call('PATCH', '/v1/settings/profile/about', { text: 'Open' })).status).toBe(200);
    expect((await call('GET', '/v1/settings/profile/about')).json.settings.profile.about.text).toBe('Open');
    expect(
      failure(await call('PATCH', '/v1/settings/profile/about', { text: 'x'.repeat(140) })).slice(0, 2),
    ).toEqual([400, 1009]);

    const photo = '/v1/settings/profile/photo';
    expect(failure(await call('GET', photo))).toEqual([404, 1006, 'No picture set.']);
    expect((await call('POST', photo, PNG, { type: 'image/png' })).status).toBe(200);
    const shown = await call('GET', photo);
    expect([shown.headers['content-type'], shown.bytes.equals(PNG)]).toEqual(['image/png', true]);
    expect((await call('GET', `${photo}?format=link`)).json.settings.profile.photo.link).toMatch(
      /^https:.*\/photo$/,
    );
    expect(failure(await call('POST', photo, PNG, { type: 'image/jpeg' })).slice(0, 2)).toEqual([500, 1014]);
    expect((await call('DELETE', photo)).status).toBe(200);

    const business = '/v1/settings/business/profile';
    expect((await call('GET', business)).json.settings.business.profile).toEqual({
      address: '',
      description: '',
      email: '',
      vertical: '',
      websites: [],
    });
    expect((await call('POST', business, { email: 'a@example.org', vertical: 'Other' })).status).toBe(200);
    expect((await call('POST', business, { address: 'Here' })).status).toBe(200);
    expect((await call('GET', business)).json.settings.business.profile).toMatchObject({
      email: 'a@example.org',
      vertical: 'Other',
      address: 'Here',
    });
    for (const wrong of [
      { email: 'x' },
      { vertical: 'Spaceships' },
      { websites: ['a', 'b', 'c'] },
      { websites: ['example.org'] },
    ])
      expect([wrong, ...failure(await call('POST', business, wrong)).slice(0, 2)]).toEqual([
        wrong,
        400,
        1009,
      ]);
    expect(failure(await call('POST', business, { fax: '1' })).slice(0, 2)).toEqual([400, 1010]);

    const compliance = '/v1/settings/business/compliance_info';
    const info = { entity_name: 'Shop', entity_type: 'Partnership', is_registered: 'true' };
    expect((await call('POST', compliance, info)).status).toBe(200);
    expect((await call('GET', compliance)).json.settings.business.compliance_info).toEqual({
      ...info,
      is_registered: true,
    });
  });

  it('and the registration come back from a backup, with the right password only', async () => {
    const { data } = (await call('POST', '/v1/settings/backup', { password: 'p' })).json.settings;
    expect(data).not.toContain('Open');
    await call('PATCH', '/v1/settings/profile/about', { text: 'Closed' });
    expect(failure(await call('POST', '/v1/settings/restore', { password: 'q', data })).slice(0, 2)).toEqual([
      403, 1005,
    ]);
    expect(
      failure(await call('POST', '/v1/settings/restore', { password: 'p', data: 'x' })).slice(0, 2),
    ).toEqual([403, 1005]);
    expect((await call('POST', '/v1/settings/restore', { password: 'p', data })).status).toBe(200);
    expect((await call('GET', '/v1/settings/profile/about')).json.settings.profile.about.text).toBe('Open');
  });
});

describe('certificates', () => {
  it('of the webhook are replaced, read and removed', async () => {
    const path = '/v1/certificates/webhooks/ca';
    expect(failure(await call('GET', path))).toEqual([404, 1006, 'No webhook CA certificates found']);
    expect(failure(await call('POST', path, 'no pem', { type: 'text/plain' })).slice(0, 2)).toEqual([
      400, 1009,
    ]);
    expect((await call('POST', path, receiver.caPem, { type: 'text/plain' })).status).toBe(200);
    const shown = await call('GET', path);
    expect([shown.headers['content-type'], shown.bytes.toString()]).toEqual([
      'text/plain;charset=UTF-8',
      receiver.caPem,
    ]);
    expect((await call('DELETE', path)).status).toBe(200);
    await call('POST', path, receiver.caPem, { type: 'text/plain' });
  });

  it('of the Webapp are taken with key and intermediates, and serve after a restart', async () => {
    const authority = await createAuthority({ subject: 'CN=own CA' });
    const pair = await issueCertificate(authority, {
      commonName: 'shop.test',
      hosts: ['shop.test'],
      usage: 'server',
    });
    const path = '/v1/certificates/external';
    for (const wrong of [pair.certificatePem, pair.privateKeyPem + pair.certificatePem, 'x'])
      expect(failure(await call('POST', path, wrong, { type: 'text/plain' })).slice(0, 2)).toEqual([
        400, 1009,
      ]);
    const file = pair.privateKeyPem + pair.certificatePem + authority.certificatePem;
    expect((await call('POST', path, file, { type: 'text/plain' })).status).toBe(200);
    const before = (await call('GET', `${path}/ca`)).bytes.toString();
    expect(before).toBe(stack.address().caPem);
    await stack.restartWebapp();
    expect((await call('GET', `${path}/ca`)).bytes.toString().trim()).toBe(authority.certificatePem.trim());
  });
});

describe('media', () => {
  it('are uploaded as raw bytes, downloaded with type and length, and deleted', async () => {
    const id = await upload(PNG, 'image/png');
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    const got = await call('GET', `/v1/media/${id}`);
    expect(got.headers).toMatchObject({ 'content-type': 'image/png', 'content-length': String(PNG.length) });
    expect(got.bytes.equals(PNG)).toBe(true);
    expect((await call('DELETE', `/v1/media/${id}`)).status).toBe(200);
    for (const method of ['GET', 'DELETE']) {
      const gone = await call(method, `/v1/media/${id}`);
      expect([gone.status, gone.bytes.length]).toEqual([404, 0]);
    }
    expect((await call('GET', '/v1/media/..%2f..%2fetc%2fpasswd')).status).toBe(404);
  });

  it('are refused when empty, unreadable, or sent as a form', async () => {
    expect(
      failure(await call('POST', '/v1/media', Buffer.from('no image'), { type: 'image/png' })).slice(0, 2),
    ).toEqual([500, 1014]);
    expect(
      failure(await call('POST', '/v1/media', Buffer.alloc(0), { type: 'image/png' })).slice(0, 2),
    ).toEqual([400, 1008]);
    expect(
      failure(await call('POST', '/v1/media', PNG, { type: 'multipart/form-data; boundary=x' })).slice(0, 2),
    ).toEqual([400, 1025]);
  });

  it('may be large: 32 MB arrive as they were', async () => {
    const bytes = randomBytes(32 * 1024 * 1024);
    const id = await upload(bytes, 'application/octet-stream');
    const got = await call('GET', `/v1/media/${id}`);
    expect(createHash('sha256').update(got.bytes).digest('hex')).toBe(
      createHash('sha256').update(bytes).digest('hex'),
    );
  });
});

describe('messages', () => {
  beforeAll(async () => {
    await call('PATCH', '/v1/settings/application', {
      webhooks: { url: receiver.url, message: { sent: true } },
      callback_backoff_delay_ms: 200,
    });
    // The CA of the webhook counts only from now on.
    await stack.restartCoreapp();
    await eventually(
      async () => (await call('GET', '/v1/health')).json.health?.gateway_status === 'connected',
    );
    await write({
      from: CUSTOMER,
      type: 'text',
      content: { body: 'Hi' },
    });
  });
  const send = (message: object) => call('POST', '/v1/messages', { to: CUSTOMER, ...message });
  const accepted = async (message: object): Promise<string> => {
    const answer = await send(message);
    expect([answer.status, answer.json.errors]).toEqual([201, undefined]);
    return answer.json.messages[0].id;
  };

  it('of every type are accepted and told of: sent, delivered, read', async () => {
    const image = await upload(PNG, 'image/png');
    const sticker = await upload(WEBP, 'image/webp');
    const ids = [
      await accepted({ text: { body: 'Hello' } }),
      await accepted({ type: 'image', image: { id: image, caption: 'c' } }),
      await accepted({ type: 'sticker', sticker: { id: sticker } }),
      await accepted({ type: 'location', location: { latitude: 1, longitude: 2 } }),
      await accepted({ type: 'contacts', contacts: [{ name: { formatted_name: 'A', first_name: 'A' } }] }),
      await accepted({
        type: 'template',
        template: { namespace: 'n', name: 't', language: { policy: 'deterministic', code: 'en' } },
      }),
      await accepted({
        type: 'interactive',
        interactive: {
          type: 'button',
          body: { text: '?' },
          action: { buttons: [{ type: 'reply', reply: { id: '1', title: 'Yes' } }] },
        },
      }),
      await accepted({ type: 'reaction', reaction: { message_id: 'x', emoji: '👍' } }),
    ];
    for (const id of ids) {
      expect(id).toMatch(/^gB[EG]G/);
      await eventually(() => receiver.statuses(id).length >= 3);
      expect(receiver.statuses(id).sort()).toEqual(['delivered', 'read', 'sent']);
    }
  });

  it('are refused with the code of what is wrong', async () => {
    for (const [message, status, code] of [
      [{ text: { body: 'x'.repeat(4097) } }, 400, 1001],
      [{ recipient_type: 'group', text: { body: 'x' } }, 400, 1002],
      [{ to: '12', text: { body: 'x' } }, 400, 1009],
      [{ to: stack.number, text: { body: 'x' } }, 400, 1021],
      [{ type: 'image' }, 400, 1008],
      [{ type: 'fax' }, 400, 1009],
      [{ type: 'image', image: { id: 'nowhere' } }, 404, 1006],
      [{ type: 'image', image: { id: 'x' }, text: { body: 'x' } }, 400, 1010],
      [
        {
          type: 'interactive',
          interactive: { type: 'list', body: { text: 'x' }, action: { button: 'b', sections: [] } },
        },
        400,
        2015,
      ],
    ] as const)
      expect([message, ...failure(await send(message)).slice(0, 2)]).toEqual([message, status, code]);
    expect(failure(await call('POST', '/v1/messages', { text: { body: 'x' } }))).toEqual([
      400,
      1008,
      'to is required',
    ]);
  });

  it('with a link are downloaded by the Coreapp, with the credentials of a provider, and fail by webhook otherwise', async () => {
    const server = createServer((incoming, response) => {
      const allowed = incoming.headers.authorization === 'Bearer t0ken';
      response.writeHead(allowed ? 200 : 403, { 'content-type': 'image/png' }).end(allowed ? PNG : '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const link = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.png`;
    await call('POST', '/v1/settings/application/media/providers', [
      { name: 'cdn', type: 'www', config: { bearer: 't0ken' } },
    ]);
    const good = await accepted({ type: 'image', image: { link, provider: { name: 'cdn' } } });
    const bad = await accepted({ type: 'image', image: { link } });
    const wrongKind = await accepted({ type: 'video', video: { link, provider: { name: 'cdn' } } });
    await eventually(() => receiver.statuses(good).includes('read'));
    for (const id of [bad, wrongKind]) {
      await eventually(() => receiver.statuses(id).includes('failed'));
      expect(
        receiver.received.flatMap(({ statuses = [] }) => statuses).find((status) => status.id === id),
      ).toMatchObject({
        errors: [{ code: 400, title: 'Media download error' }],
      });
    }
    server.close();
  });

  it('of people come by webhook, media as files that can be downloaded', async () => {
    await write({
      from: CUSTOMER,
      type: 'image',
      content: { caption: 'Look' },
      media: { type: 'image/png', data: PNG },
    });
    const [image] = await eventually(() => (webhooks('image').length > 0 ? webhooks('image') : undefined));
    expect(image).toMatchObject({ image: { caption: 'Look', mime_type: 'image/png' } });
    const { id, sha256 } = (image as { image: { id: string; sha256: string } } | undefined)?.image ?? {
      id: '',
      sha256: '',
    };
    const got = await call('GET', `/v1/media/${id}`);
    expect([got.bytes.equals(PNG), sha256]).toEqual([true, createHash('sha256').update(PNG).digest('hex')]);

    await call('PATCH', '/v1/settings/application', { media: { auto_download: [] } });
    await eventually(async () => {
      await write({
        from: CUSTOMER,
        type: 'voice',
        content: {},
        media: { type: 'audio/ogg; codecs=opus', data: PNG },
      });
      return webhooks('voice').some(({ voice }) => (voice as { status?: string }).status === 'undownloaded');
    });
    await write({
      from: CUSTOMER,
      type: 'button',
      content: { payload: 'P', text: 'Yes' },
      context: { from: stack.number, id: 'gB' },
    });
    const [button] = await eventually(() => (webhooks('button').length > 0 ? webhooks('button') : undefined));
    expect(button).toMatchObject({ button: { payload: 'P', text: 'Yes' }, context: { from: stack.number } });
  });

  it('of people are marked as read, and others are not found', async () => {
    const id = await write({
      from: CUSTOMER,
      type: 'text',
      content: { body: '?' },
    });
    expect((await call('PUT', `/v1/messages/${id}`, { status: 'read' })).status).toBe(200);
    expect(await statusInChat(CUSTOMER, id)).toBe('read');
    expect(failure(await call('PUT', `/v1/messages/${id}`, { status: 'deleted' })).slice(0, 2)).toEqual([
      400, 1009,
    ]);
    for (const unknown of ['nonsense', 'ABGGFlBVUSNPAgo-sCMmSg1-ci0K'])
      expect(failure(await call('PUT', `/v1/messages/${unknown}`, { status: 'read' })).slice(0, 2)).toEqual([
        404, 1006,
      ]);
  });
});

describe('contacts, sticker packs and operations', () => {
  it('tell the WhatsApp id of every usable number, and identities until they are acknowledged', async () => {
    const { json } = await call('POST', '/v1/contacts', {
      blocking: 'wait',
      contacts: ['+1 (650) 555-1234', '00999'],
    });
    expect(json.contacts).toEqual([
      { input: '+1 (650) 555-1234', status: 'valid', wa_id: CUSTOMER },
      { input: '00999', status: 'invalid' },
    ]);
    expect(failure(await call('POST', '/v1/contacts', { contacts: [] })).slice(0, 2)).toEqual([400, 1009]);
    const path = `/v1/contacts/${CUSTOMER}/identity`;
    const identity = (await call('GET', path)).json.contacts;
    expect(identity).toMatchObject({
      hash: expect.any(String),
      created_timestamp: expect.any(Number),
      acknowledged: true,
    });
    expect((await call('PUT', path, { hash: identity.hash })).status).toBe(200);
    expect(failure(await call('PUT', path, { hash: 'other' })).slice(0, 2)).toEqual([400, 1009]);
  });

  it('keep sticker packs of the business beside those of WhatsApp', async () => {
    expect((await call('GET', '/v1/stickerpacks?namespace=whatsapp')).json.stickerpacks).toContainEqual({
      id: 'whatsappcuppy',
    });
    expect(
      (await call('GET', '/v1/stickerpacks/whatsappcuppy?namespace=whatsapp')).json.stickerpacks,
    ).toEqual([{ publisher: 'WhatsApp', name: 'Cuppy' }]);
    const [{ id }] = (await call('POST', '/v1/stickerpacks', { publisher: 'Shop', name: 'Fun' })).json
      .stickerpacks;
    expect((await call('GET', '/v1/stickerpacks')).json.stickerpacks).toEqual([{ id }]);
    expect((await call('PATCH', `/v1/stickerpacks/${id}`, { name: 'More fun' })).status).toBe(200);
    expect((await call('GET', `/v1/stickerpacks/${id}`)).json.stickerpacks).toEqual([
      { publisher: 'Shop', name: 'More fun' },
    ]);
    const stickers = `/v1/stickerpacks/${id}/stickers`;
    const image = await upload(WEBP, 'image/webp');
    expect((await call('POST', stickers, { image_data_id: image, emojis: ['😀'] })).json.stickers).toEqual([
      { index: 0 },
    ]);
    expect(
      failure(await call('POST', stickers, { image_data_id: await upload(PNG, 'image/png') })).slice(0, 2),
    ).toEqual([400, 1009]);
    expect((await call('GET', stickers)).json.stickers).toEqual([{ index: 0 }]);
    expect((await call('PATCH', `${stickers}/0`, { emojis: ['😎'] })).status).toBe(200);
    expect((await call('GET', `${stickers}/0`)).json.stickers).toEqual([
      { id: image, image_data_id: image, emojis: ['😎'] },
    ]);
    expect((await call('DELETE', `${stickers}/0`)).status).toBe(200);
    expect(failure(await call('GET', `${stickers}/0`)).slice(0, 2)).toEqual([404, 1006]);
    expect((await call('DELETE', `/v1/stickerpacks/${id}`)).status).toBe(200);
    expect(failure(await call('GET', `/v1/stickerpacks/${id}`)).slice(0, 2)).toEqual([404, 1006]);
  });

  it('count, as JSON and for Prometheus', async () => {
    const app = (await call('GET', '/v1/stats/app')).json.stats.app;
    expect(app.out_message_persisted).toMatchObject({
      type: 'counter',
      data: expect.arrayContaining([{ labels: { type: 'text' }, value: expect.any(Number) }]),
    });
    expect(app.pending_messages).toMatchObject({ type: 'gauge', data: [{ value: 0 }] });
    const text = await call('GET', '/v1/stats/app?format=prometheus');
    expect(text.headers['content-type']).toContain('text/plain');
    expect(text.bytes.toString()).toMatch(/^# HELP .*\n# TYPE /);
    expect(text.bytes.toString()).toMatch(
      /^out_message_sent_duration_ms_count\{retry="0",type="text"\} \d+$/m,
    );
    expect((await call('GET', '/v1/stats/db')).json.stats.db.db_messages.data[0].value).toBeGreaterThan(5);
    for (const path of ['/v1/stats/app/internal', '/v1/stats/db/internal'])
      expect((await call('GET', path)).status).toBe(200);
    const web = (await call('GET', '/metrics')).json.metrics;
    expect(web.web_uptime.data[0].labels.node).toMatch(/^webapp-/);
    expect(
      web.api_requests_duration_ms_count.data.map(
        ({ labels }: { labels: { method: string } }) => labels.method,
      ),
    ).toContain('GET_v1_stats_app');
    expect((await call('GET', '/metrics?format=prometheus')).bytes.toString()).toMatch(
      /^web_uptime\{node="webapp-\d"\} \d+$/m,
    );
  });

  it('collect old messages and media, and tell the webhook what became of it', async () => {
    const results = (kind: string) =>
      receiver.received
        .flatMap((callback) => (callback.services as Record<string, { gc: object }>[] | undefined) ?? [])
        .flatMap((service) => service[kind]?.gc ?? []);
    expect((await call('PUT', '/v1/services/message/gc')).json.services).toEqual({
      message: { gc: { status: 'processing' } },
    });
    expect((await call('PUT', '/v1/services/media/gc')).json.services).toEqual({
      media: { gc: { status: 'processing' } },
    });
    await eventually(() => results('message').length + results('media').length === 2);
    expect(results('message')).toEqual([{ messages_deleted: 0, status: 'complete' }]);
    expect(results('media')).toEqual([{ items_deleted: 0, status: 'complete' }]);
  });

  it('were all called by this suite', () => {
    expect(
      routes
        .map(({ method, path }) => `${method} ${path}`)
        .filter((route) => !reached.has(route))
        .filter((route) => !WALKED_ABOVE.has(route)),
    ).toEqual([]);
  });
});

/** Before the walks through all endpoints, which count for none. */
const WALKED_ABOVE = new Set([
  'POST /v1/users/login',
  'POST /v1/users/logout',
  'POST /v1/users',
  ...['GET', 'PUT', 'DELETE'].map((method) => `${method} /v1/users/:username`),
]);

describe('rate limits', () => {
  it('answer 429 above the burst, for each endpoint by itself', async () => {
    const limited = await startApiTarget(database, 'limits_', { rateLimits: true });
    const get = async (path: string) => (await apiCall(limited.address(), { method: 'GET', path })).status;
    const statuses = await Promise.all(Array.from({ length: 90 }, () => get('/v1/support')));
    expect(statuses.filter((status) => status === 401).length).toBeGreaterThanOrEqual(60);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
    expect(await get('/v1/health')).toBe(401);
    await limited.close();
  });
});
