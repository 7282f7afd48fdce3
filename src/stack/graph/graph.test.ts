import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import { SimulatedGraph, type SimulatedGraphOptions } from '../../../test/support/simulatedGraph.ts';
import { systemClock } from '../../base/clock.ts';
import { listen } from '../../base/ports.ts';
import { graphEvents } from '../../cloud/graphEvents.ts';
import { type GraphValue, isSigned, messageChanges } from '../../cloud/graphWebhook.ts';
import { personOf } from './webhookValues.ts';

const ANA = '16505550001';
const HIDDEN = '16505550003';
const MOVED = '16505550009';
const VERIFY_TOKEN = 'verify-token';

interface Received {
  readonly body: string;
  readonly signature: string | undefined;
}

let graph: SimulatedGraph;
let received: Received[];
let answers: number[];
let hook: string;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options: SimulatedGraphOptions = {}): Promise<void> {
  graph = await SimulatedGraph.start(options);
  closers.push(() => graph.close());
  await graph.openWindows(ANA);
}

beforeEach(async () => {
  received = [];
  answers = [];
  const server = createServer(async (request, response) => {
    if (request.method === 'GET') {
      const query = new URL(request.url ?? '/', 'http://hook').searchParams;
      const isMine = query.get('hub.verify_token') === VERIFY_TOKEN;
      return void response.writeHead(isMine ? 200 : 403).end(isMine ? query.get('hub.challenge') : '');
    }
    const body = await textOf(request);
    const status = answers.shift() ?? 200;
    if (status === 200) received.push({ body, signature: String(request.headers['x-hub-signature-256']) });
    response.writeHead(status).end();
  });
  hook = `http://127.0.0.1:${await listen(server, { host: '127.0.0.1', port: 0 })}/hook`;
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  await start();
});

async function call(method: string, path: string, body?: object, token = graph.token) {
  const response = await fetch(`${graph.url}/v26.0/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body && !(body instanceof FormData) ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: body instanceof FormData ? body : JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text.startsWith('{') ? JSON.parse(text) : text,
  };
}
const onNumber = (method: string, path: string, body?: object) =>
  call(method, `${graph.phoneNumberId}${path}`, body);
const send = (message: object) =>
  onNumber('POST', '/messages', { messaging_product: 'whatsapp', to: `+${ANA}`, ...message });
const sendText = (body: string, more: object = {}) => send({ type: 'text', text: { body }, ...more });
const subscribe = () =>
  call('POST', `${graph.businessAccountId}/subscribed_apps`, {
    override_callback_uri: hook,
    verify_token: VERIFY_TOKEN,
  });
const values = (): GraphValue[] =>
  received.flatMap(({ body }) => messageChanges(JSON.parse(body), graph.phoneNumberId).values);
const statuses = () => values().flatMap((value) => value.statuses ?? []);
const messages = () => values().flatMap((value) => value.messages ?? []);
const code = ({ body }: { body: { error?: { code: number } } }) => body.error?.code;

describe('a message of the simulated Graph API', () => {
  it('is answered with its ids, and its statuses come with its opaque data and its price', async () => {
    await subscribe();
    const { status, body } = await sendText('Hi', { biz_opaque_callback_data: 'order 7' });
    expect(status).toBe(200);
    expect(body).toEqual({
      messaging_product: 'whatsapp',
      contacts: [{ input: `+${ANA}`, wa_id: ANA }],
      messages: [{ id: expect.stringMatching(/^wamid\./) }],
    });
    await eventually(() => statuses().length === 3);
    expect(statuses().map(({ status: each }) => each)).toEqual(['sent', 'delivered', 'read']);
    expect(statuses()[0]).toMatchObject({
      id: body.messages[0].id,
      recipient_id: ANA,
      biz_opaque_callback_data: 'order 7',
      pricing: { billable: false, pricing_model: 'PMP', type: 'free_customer_service', category: 'service' },
    });
  });

  it('is in the chat with the person, like any other', async () => {
    const { body } = await sendText('Hi');
    const [shown] = graph.network.state.chats.chat(graph.number, ANA)?.messages ?? [];
    expect(shown).toMatchObject({ direction: 'out', type: 'text', content: { text: { body: 'Hi' } } });
    // Quoted by the person, it has the same id.
    await subscribe();
    await graph.say(ANA, { type: 'text', text: 'That one', context: { id: shown?.id } });
    const [answer] = await eventually(() => (messages().length > 0 ? messages() : undefined));
    expect(answer).toMatchObject({ context: { id: body.messages[0].id } });
  });

  it('fails outside the window after it was accepted', async () => {
    await subscribe();
    const { status } = await send({ to: '+16505550002', type: 'text', text: { body: 'Hi' } });
    expect(status).toBe(200);
    const [failed] = await eventually(() => (statuses().length > 0 ? statuses() : undefined));
    expect(failed).toMatchObject({
      status: 'failed',
      errors: [{ code: 131047, title: 'Re-engagement message', error_data: { details: expect.any(String) } }],
    });
  });

  it.each([
    ['without the product', { messaging_product: undefined, type: 'text', text: { body: 'x' } }, 100],
    ['without a recipient', { to: undefined, type: 'text', text: { body: 'x' } }, 100],
    ['to what is no number', { to: 'Ana', type: 'text', text: { body: 'x' } }, 131009],
    ['without its content', { type: 'text' }, 131008],
    ['without a part of its content', { type: 'text', text: {} }, 131008],
    ['of an unknown type', { type: 'fax', fax: {} }, 100],
    ['with unknown media', { type: 'image', image: { id: '1234567' } }, 131009],
    ['to itself', { to: '+16315551000', type: 'text', text: { body: 'x' } }, 131021],
  ])('%s is refused', async (_, message, expected) => {
    const answer = await send(message);
    expect([answer.status, code(answer)]).toEqual([400, expected]);
    expect(answer.body.error).toMatchObject({ type: 'OAuthException', fbtrace_id: expect.any(String) });
    if (expected > 130_000)
      expect(answer.body.error.error_data).toMatchObject({ messaging_product: 'whatsapp' });
  });

  it('of a template is checked against the reviewed ones', async () => {
    await graph.network.setTemplates(graph.number, [
      { namespace: 'n', name: 'order', language: 'en', status: 'approved', body: 'Order {{1}}' },
      { namespace: 'n', name: 'login', language: 'en', status: 'approved', category: 'authentication' },
      { namespace: 'n', name: 'slow', language: 'en', status: 'paused' },
    ]);
    const template = (name: string, ...texts: string[]) => ({
      type: 'template',
      template: {
        name,
        language: { code: 'en' },
        ...(texts.length > 0
          ? { components: [{ type: 'body', parameters: texts.map((text) => ({ type: 'text', text })) }] }
          : {}),
      },
    });
    expect((await send(template('order', '7'))).body.messages[0].message_status).toBe('accepted');
    expect(code(await send(template('order')))).toBe(132000);
    expect(await send(template('other'))).toMatchObject({ status: 404, body: { error: { code: 132001 } } });
    expect(code(await send(template('slow')))).toBe(132015);
    const { userId } = personOf(graph.network, ANA);
    expect(code(await send({ ...template('login'), to: undefined, recipient: userId }))).toBe(131062);
    const list = await call('GET', `${graph.businessAccountId}/message_templates?name=order`);
    expect(list.body.data).toMatchObject([
      { name: 'order', status: 'APPROVED', components: [{ type: 'BODY', text: 'Order {{1}}' }] },
    ]);
  });

  it('marks messages of people as read, and knows no others', async () => {
    const wamid = await graph.say(ANA, { type: 'text', text: 'Hi' });
    const mark = (message_id: string) =>
      onNumber('POST', '/messages', { messaging_product: 'whatsapp', status: 'read', message_id });
    expect((await mark(wamid)).body).toEqual({ success: true });
    expect(graph.isRead(wamid)).toBe(true);
    expect(code(await mark('wamid.other'))).toBe(131009);
  });

  it('is refused beyond the throughput of the number, and beyond the rate of the person', async () => {
    // Buckets are not filled again while the clock stands.
    await start({ limits: true, clock: { ...systemClock, monotonic: () => 0 } });
    const codes: (number | undefined)[] = [];
    for (let index = 0; index < 46; index++) codes.push(code(await sendText('Hi')));
    expect(codes).toEqual([...Array.from({ length: 45 }), 131056]);
    const others = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        send({ to: `+1650555${2000 + index}`, type: 'text', text: { body: 'Hi' } }),
      ),
    );
    // 46 were taken before.
    expect(others.filter(({ status }) => status === 200)).toHaveLength(34);
    expect(others.filter((answer) => code(answer) === 130429 && answer.status === 429)).toHaveLength(6);
  });
});

describe('people', () => {
  it('who hide their number are known by their id alone', async () => {
    await subscribe();
    await graph.network.setUserId(HIDDEN, { userId: 'US.Ana', hidesNumber: true });
    await graph.openWindows(HIDDEN);
    await graph.say(HIDDEN, { type: 'text', text: 'Hi', profileName: 'Ana' });
    await eventually(() => messages().length > 0);
    expect(messages()[0]).not.toHaveProperty('from');
    expect(messages()[0]).toMatchObject({ from_user_id: 'US.Ana' });
    expect(values()[0]?.contacts).toEqual([{ profile: { name: 'Ana' }, user_id: 'US.Ana' }]);
    const { body } = await send({ to: undefined, recipient: 'US.Ana', type: 'text', text: { body: 'Hi' } });
    expect(body.contacts).toEqual([{ input: 'US.Ana', user_id: 'US.Ana' }]);
    await eventually(() => statuses().length > 0);
    expect(statuses()[0]).not.toHaveProperty('recipient_id');
    expect(
      JSON.stringify(received) + Buffer.from(body.messages[0].id.slice(6), 'base64').toString('latin1'),
    ).not.toContain(HIDDEN);
  });

  it('are told to have another id or another number', async () => {
    await subscribe();
    await graph.network.setUserId(ANA, { userId: 'US.New' });
    await graph.network.people.changeNumber(ANA, MOVED);
    await eventually(() => messages().length === 2);
    expect(messages().map(({ system }) => system)).toMatchObject([
      { type: 'user_changed_user_id', user_id: 'US.New' },
      { type: 'user_changed_number', wa_id: MOVED },
    ]);
  });

  it('whom the number has blocked are not heard', async () => {
    await subscribe();
    const block = { messaging_product: 'whatsapp', block_users: [{ user: `+${ANA}` }] };
    expect((await onNumber('POST', '/block_users', block)).body.block_users.added_users).toEqual([
      { input: `+${ANA}`, wa_id: ANA },
    ]);
    await graph.say(ANA, { type: 'text', text: 'Blocked' });
    await onNumber('DELETE', '/block_users', block);
    await graph.say(ANA, { type: 'text', text: 'Heard' });
    await eventually(() => messages().length > 0);
    expect(messages().map(({ text }) => text)).toEqual([{ body: 'Heard' }]);
  });
});

describe('media', () => {
  it('is uploaded, sent, described, downloaded in parts and deleted', async () => {
    const form = new FormData();
    form.set('messaging_product', 'whatsapp');
    form.set('type', 'application/pdf');
    form.set('file', new Blob(['%PDF the list'], { type: 'application/pdf' }), 'list.pdf');
    const { id } = (await onNumber('POST', '/media', form)).body;
    expect(id).toMatch(/^\d+$/);
    expect((await send({ type: 'document', document: { id, filename: 'list.pdf' } })).status).toBe(200);
    expect(graph.network.state.chats.chat(graph.number, ANA)?.messages.at(-1)?.media).toMatchObject([
      { type: 'application/pdf' },
    ]);
    const { body } = await call('GET', id);
    expect(body).toMatchObject({
      messaging_product: 'whatsapp',
      mime_type: 'application/pdf',
      file_size: '13',
      id,
    });
    const get = (headers: Record<string, string>) => fetch(body.url, { headers });
    expect((await get({})).status).toBe(401);
    const authorization = `Bearer ${graph.token}`;
    expect(await (await get({ authorization })).text()).toBe('%PDF the list');
    const part = await get({ authorization, range: 'bytes=5-7' });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
      206,
      'bytes 5-7/13',
      'the',
    ]);
    await graph.network.advance(5 * 60_000);
    expect((await get({ authorization })).status).toBe(404);
    expect((await call('DELETE', id)).body).toEqual({ success: true });
    expect(await call('GET', id)).toMatchObject({
      status: 400,
      body: { error: { code: 100, error_subcode: 33 } },
    });
  });

  it('of a person has an id for seven days', async () => {
    await subscribe();
    await graph.say(ANA, {
      type: 'voice',
      data: Buffer.from('OggS voice').toString('base64'),
      mime_type: 'audio/ogg; codecs=opus',
    });
    await eventually(() => messages().length > 0);
    const { audio } = messages()[0] as unknown as { audio: { id: string } };
    expect(audio).toMatchObject({ voice: true, mime_type: 'audio/ogg; codecs=opus' });
    expect((await call('GET', audio.id)).body.file_size).toBe('10');
    await graph.network.advance(7 * 86_400_000);
    expect((await call('GET', audio.id)).status).toBe(400);
  });

  it('behind a link that nobody serves fails the message', async () => {
    await subscribe();
    expect((await send({ type: 'image', image: { link: 'http://127.0.0.1:1/x.png' } })).status).toBe(200);
    await eventually(() => statuses().length > 0);
    expect(statuses()[0]).toMatchObject({ status: 'failed', errors: [{ code: 131053 }] });
  });
});

describe('the webhook', () => {
  it('is verified before it is subscribed, and gets nothing after the subscription has ended', async () => {
    const refused = await call('POST', `${graph.businessAccountId}/subscribed_apps`, {
      override_callback_uri: hook,
      verify_token: 'wrong',
    });
    expect(code(refused)).toBe(2200);
    expect((await subscribe()).body).toEqual({ success: true });
    expect((await call('GET', `${graph.businessAccountId}/subscribed_apps`)).body.data).toMatchObject([
      { override_callback_uri: hook },
    ]);
    await call('DELETE', `${graph.businessAccountId}/subscribed_apps`);
    await graph.say(ANA, { type: 'text', text: 'Nobody hears it' });
    await eventually(() => graph.network.callbacks.all().some(({ state }) => state === 'dropped'));
    expect(received).toEqual([]);
  });

  it('is signed over bytes in which text beyond ASCII is escaped', async () => {
    await subscribe();
    await graph.say(ANA, { type: 'text', text: 'Grüße 👋' });
    const [first] = await eventually(() => (received.length > 0 ? received : undefined));
    expect(first?.body).toContain('Gr\\u00fc\\u00dfe \\ud83d\\udc4b');
    expect(isSigned(Buffer.from(first?.body ?? ''), first?.signature, graph.appSecret)).toBe(true);
    const other = `sha256=${createHmac('sha256', graph.appSecret)
      .update(JSON.stringify(JSON.parse(first?.body ?? '')))
      .digest('hex')}`;
    expect(other).not.toBe(first?.signature);
  });

  it('is posted again until it answers with 200', async () => {
    await subscribe();
    answers = [500, 302, 204];
    await graph.say(ANA, { type: 'text', text: 'Hi' });
    const record = () => graph.network.callbacks.all()[0];
    for (let tries = 1; tries <= 3; tries++) {
      await eventually(() => record()?.attempts.length === tries);
      expect(record()?.state).toBe('waiting');
      await graph.network.advance(3_600_000);
    }
    await eventually(() => record()?.state === 'delivered');
    expect(record()?.attempts.map(({ status }) => status)).toEqual([500, 302, 204, 200]);
    expect(graph.network.state.known(graph.number).changes).toEqual([]);
  });

  it('tells what came together in one post', async () => {
    await subscribe();
    graph.setWebhookFaults({ delayMs: 1_000 });
    for (let index = 0; index < 30; index++) await graph.say(ANA, { type: 'text', text: `${index}` });
    await graph.network.advance(1_000);
    await eventually(() => messages().length === 30);
    expect(received.length).toBeLessThan(10);
  });

  it('goes to the number’s own URL before that of the account, and that before the app’s', async () => {
    await graph.network.record({
      type: 'graph-app',
      change: { callback: { url: 'http://127.0.0.1:1/', verifyToken: 'x' } },
    });
    await onNumber('POST', '', {
      webhook_configuration: { override_callback_uri: hook, verify_token: VERIFY_TOKEN },
    });
    await graph.say(ANA, { type: 'text', text: 'Hi' });
    await eventually(() => received.length > 0);
    expect((await onNumber('GET', '?fields=webhook_configuration')).body.webhook_configuration).toEqual({
      application: 'http://127.0.0.1:1/',
      phone_number: hook,
    });
    await subscribe();
    await onNumber('POST', '', { webhook_configuration: { override_callback_uri: '' } });
    expect((await onNumber('GET', '?fields=webhook_configuration')).body.webhook_configuration).toEqual({
      application: 'http://127.0.0.1:1/',
      whatsapp_business_account: hook,
    });
    const [app] = (await call('GET', `${graph.businessAccountId}/subscribed_apps`)).body.data;
    expect((await call('GET', 'app')).body.id).toBe(app.whatsapp_business_api_data.id);
  });

  it('is read by the gateway’s own translation', async () => {
    await subscribe();
    await sendText('Hi', { biz_opaque_callback_data: 'x' });
    await graph.say(ANA, { type: 'text', text: 'Hello' });
    await eventually(() => values().length >= 4);
    const events = values().flatMap((value) => graphEvents(value, (wamid) => wamid));
    expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(['status', 'inbound']));
  });
});

describe('faults', () => {
  const messagesPath = '*/messages';
  it('refuse the next calls, with the headers of a rate', async () => {
    graph.setFaults({ path: messagesPath, code: 130429, times: 2, retryAfterSeconds: 42 });
    const first = await sendText('1');
    expect([first.status, code(first), first.headers.get('retry-after')]).toEqual([429, 130429, '42']);
    expect([code(await sendText('2')), code(await sendText('3'))]).toEqual([130429, undefined]);
    expect(graph.accepted).toHaveLength(1);
  });

  it('hit every nth call, and calls to one person', async () => {
    graph.setFaults(
      { path: messagesPath, status: 502, every: 3 },
      { path: '*', to: '+16505550002', code: 131026 },
    );
    const found: number[] = [];
    for (let index = 0; index < 6; index++) found.push((await sendText('Hi')).status);
    expect(found).toEqual([200, 200, 502, 200, 200, 502]);
    expect(code(await send({ to: '+16505550002', type: 'text', text: { body: 'x' } }))).toBe(131026);
  });

  it('lose answers after the message was accepted', async () => {
    graph.setFaults(
      { path: messagesPath, cut: true, isServed: true, times: 1 },
      { path: messagesPath, status: 500, isServed: true, times: 1 },
    );
    await expect(sendText('1')).rejects.toThrow();
    expect((await sendText('2')).status).toBe(500);
    expect(graph.accepted).toHaveLength(2);
    graph.setFaults({ path: messagesPath, cut: true });
    await expect(sendText('3')).rejects.toThrow();
    expect(graph.accepted).toHaveLength(2);
  });

  it('let an accepted message fail with any code', async () => {
    await subscribe();
    graph.setFaults({ path: messagesPath, failsWith: 131049 });
    await sendText('1');
    await eventually(() => statuses().length > 0);
    expect(statuses()[0]).toMatchObject({ status: 'failed', errors: [{ code: 131049 }] });
  });

  it('of webhooks repeat, lose and reorder them', async () => {
    await subscribe();
    graph.setWebhookFaults(
      { status: 'sent', repeats: 2 },
      { status: 'read', isLost: true },
      { status: 'delivered', delayMs: 300_000 },
    );
    const { body } = await sendText('1');
    // Statuses of an earlier message may still come.
    const told = () => statuses().filter(({ id }) => id === body.messages[0].id);
    await eventually(() => told().length === 3);
    expect(told().map(({ status }) => status)).toEqual(['sent', 'sent', 'sent']);
    // The delay begins when the message is delivered.
    await eventually(async () => {
      await graph.network.advance(300_000);
      return told().length === 4;
    });
    expect(graph.network.callbacks.all().map(({ state }) => state)).toContain('dropped');
  });

  it('are over after a reset, and the subscription stays', async () => {
    await subscribe();
    graph.setFaults({ path: '*', code: 1 });
    await graph.network.snapshots.reset();
    await graph.openWindows(ANA);
    expect((await sendText('Hi')).status).toBe(200);
    await eventually(() => statuses().length > 0);
  });
});

describe('the number', () => {
  it('sends only while it is registered, and is verified by the code before', async () => {
    await onNumber('POST', '/deregister');
    expect(code(await sendText('Hi'))).toBe(133010);
    const other = '16315551999';
    await graph.network.record({ type: 'graph-number', number: other, change: {} });
    const id = graph.graph.numbers.idsOf(other).phoneNumberId;
    const registration = { messaging_product: 'whatsapp', pin: '123456' };
    expect((await call('POST', `${id}/register`, registration)).body.error.code).toBe(133006);
    await call('POST', `${id}/request_code`, { code_method: 'SMS', language: 'en_US' });
    expect((await call('POST', `${id}/verify_code`, { code: '000' })).body.error.code).toBe(136025);
    const sent = graph.network.state.known(other).graph?.code;
    expect((await call('POST', `${id}/verify_code`, { code: sent })).body).toEqual({ success: true });
    expect((await call('POST', `${id}/register`, registration)).body).toEqual({ success: true });
    expect((await call('GET', `${id}?fields=status,code_verification_status`)).body).toEqual({
      id,
      status: 'CONNECTED',
      code_verification_status: 'VERIFIED',
    });
    expect((await call('POST', `${id}/register`, { ...registration, pin: '654321' })).body.error.code).toBe(
      133005,
    );
    for (let tries = 0; tries < 7; tries++) await call('POST', `${id}/register`, registration);
    expect((await call('POST', `${id}/register`, registration)).body.error.code).toBe(133016);
  });

  it('leaves the On-Premises stack when it is registered with the backup of that', async () => {
    const other = '16315551998';
    await graph.network.record({ type: 'registered', number: other, registrationKey: 'key', at: 1 });
    const id = graph.graph.numbers.idsOf(other).phoneNumberId;
    expect((await call('GET', `${id}?fields=platform_type,status`)).body).toMatchObject({
      platform_type: 'ON_PREMISE',
      status: 'DISCONNECTED',
    });
    const backup = { data: 'encrypted', password: 'x' };
    await call('POST', `${id}/register`, { messaging_product: 'whatsapp', pin: '123456', backup });
    expect(graph.network.state.known(other).registrationKey).toBeUndefined();
    expect(graph.network.isOnGraph(other)).toBe(true);
  });

  it('tells the fields that are asked, and no others', async () => {
    const { body } = await onNumber(
      'GET',
      '?fields=display_phone_number,throughput{level},quality_rating,health_status',
    );
    expect(body).toMatchObject({
      display_phone_number: '+16315551000',
      throughput: { level: 'STANDARD' },
      quality_rating: 'GREEN',
    });
    expect(code(await onNumber('GET', '?fields=shoe_size'))).toBe(100);
    expect((await call('GET', `${graph.businessAccountId}/phone_numbers`)).body.data).toHaveLength(1);
  });

  it('has a profile, with a picture that was uploaded in parts', async () => {
    const { id } = (await call('POST', '123/uploads?file_length=8&file_type=image/png')).body;
    const part = async (offset: number, bytes: string) =>
      (
        await fetch(`${graph.url}/v26.0/${id}`, {
          method: 'POST',
          headers: { authorization: `OAuth ${graph.token}`, file_offset: String(offset) },
          body: bytes,
        })
      ).json() as Promise<Record<string, unknown>>;
    expect(await part(0, 'abcd')).toEqual({ id, file_offset: 4 });
    expect((await call('GET', id)).body).toEqual({ id, file_offset: 4 });
    expect(await part(0, 'abcd')).toHaveProperty('error');
    const { h } = await part(4, 'efgh');
    const change = {
      messaging_product: 'whatsapp',
      about: 'Open',
      websites: ['https://shop.example'],
      profile_picture_handle: h,
    };
    expect((await onNumber('POST', '/whatsapp_business_profile', change)).body).toEqual({ success: true });
    const { body } = await onNumber(
      'GET',
      '/whatsapp_business_profile?fields=about,websites,profile_picture_url',
    );
    expect(body.data[0]).toMatchObject({ about: 'Open', websites: ['https://shop.example'] });
    // Everybody may see it, but no media that people have sent.
    const url: string = body.data[0].profile_picture_url;
    expect(await (await fetch(url)).text()).toBe('abcdefgh');
    expect((await fetch(url.replace('/profile_pictures/', '/whatsapp_business/attachments/'))).status).toBe(
      401,
    );
    const other = url.replace(/mid=[0-9a-f]+/, `mid=${'0'.repeat(64)}`);
    expect((await fetch(other)).status).toBe(404);
  });

  it('checks identities when that is switched on', async () => {
    await subscribe();
    await onNumber('POST', '/settings', { user_identity_change: { enable_identity_key_check: true } });
    await graph.say(ANA, { type: 'text', text: 'Hi' });
    await eventually(() => values().length > 0);
    const hash = values()[0]?.contacts?.[0]?.identity_key_hash;
    expect(hash).toEqual(graph.network.people.identityOf(ANA));
    await graph.network.people.changeIdentity(ANA);
    await sendText('Secret', { recipient_identity_key_hash: hash });
    await eventually(() => statuses().length > 0);
    expect(statuses()[0]).toMatchObject({ status: 'failed', errors: [{ code: 137000 }] });
  });
});

describe('a call', () => {
  it('needs a token that is known and not expired', async () => {
    expect(await call('GET', graph.phoneNumberId, undefined, 'other')).toMatchObject({
      status: 401,
      body: { error: { code: 190 } },
    });
    await graph.network.record({
      type: 'graph-app',
      change: { tokens: [{ token: 'old', isExpired: true }] },
    });
    expect((await call('GET', graph.phoneNumberId, undefined, 'old')).body.error).toMatchObject({
      code: 190,
      error_subcode: 463,
    });
    await graph.network.record({ type: 'graph-app', change: { tokens: null } });
    expect((await call('GET', graph.phoneNumberId, undefined, 'any')).status).toBe(200);
  });

  it('names an object that exists, by a known path', async () => {
    expect((await call('GET', '1234')).body.error).toMatchObject({ code: 100, error_subcode: 33 });
    expect(code(await onNumber('POST', '/nonsense'))).toBe(2500);
    expect(await (await fetch(`${graph.url}/messages`)).json()).toMatchObject({ error: { code: 2500 } });
    const bad = await fetch(`${graph.url}/v26.0/${graph.phoneNumberId}/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${graph.token}`, 'content-type': 'application/json' },
      body: '{',
    });
    expect(await bad.json()).toMatchObject({ error: { code: 100 } });
  });

  it('is logged with its body and answer, and without secrets', async () => {
    await sendText('Hi');
    await onNumber('POST', '/register', { messaging_product: 'whatsapp', pin: '123456' });
    const log = graph.network.requests.all();
    expect(log[0]).toMatchObject({
      api: 'graph',
      method: 'POST',
      status: 200,
      body: { text: { body: 'Hi' } },
      answer: { messages: [{}] },
    });
    expect(JSON.stringify(log)).not.toContain('123456');
  });
});
