import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session, StackClient } from '../../src/client/stackClient.ts';
import { startControlServer } from '../../src/emulator/network/controlServer.ts';
import { EmulatorStack, startReceiver } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { testDatabase } from '../support/testDatabase.ts';

const never = new AbortController().signal;
const PASSWORD = 'Passw0rd!-test';

let database: Awaited<ReturnType<typeof testDatabase>>;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let stack: EmulatorStack;
let control: Awaited<ReturnType<typeof startControlServer>>;
let client: StackClient;
let session: Session;

const simulate = async (method: string, path: string, body?: unknown): Promise<number> =>
  (
    await fetch(`http://127.0.0.1:${control.port}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  ).status;
const writes = (from: string, more: object = { text: 'Hi' }) =>
  simulate('POST', `/numbers/${stack.number}/messages`, { from, ...more });
const statusOf = (id: string, status: string) =>
  receiver.received
    .flatMap(({ statuses = [] }) => statuses)
    .find((entry) => entry.id === id && entry.status === status);
const told = (id: string, status: string) => eventually(() => statusOf(id, status));
const system = (type: string) =>
  receiver.received
    .flatMap(({ messages = [] }) => messages)
    .find((message) => (message.system as { type?: string } | undefined)?.type === type);
let people = 0;
/** Somebody who has written, so that the window is open. */
const somebody = async (how: object = {}): Promise<string> => {
  const waId = `1650558${String(people++).padStart(4, '0')}`;
  expect(await writes(waId)).toBe(201);
  expect(await simulate('PUT', `/people/${waId}`, how)).toBe(204);
  return waId;
};
/** Waits until the single instance says so. */
const gatewayIs = (status: string) =>
  eventually(
    async () => (await client.health({ apiKey: 'test-api-key-0001' }, never))['']?.gateway_status === status,
  );
const sendTemplate = async (to: string, template: object): Promise<string> =>
  client.send(session, { to, type: 'template', template }, never);
const template = (more: object = {}) => ({
  namespace: 'ns',
  name: 'order',
  language: { policy: 'deterministic', code: 'en' },
  ...more,
});

beforeAll(async () => {
  [database, receiver] = await Promise.all([testDatabase(), startReceiver()]);
  stack = await EmulatorStack.start(database, 'sim_', { masters: 0, coreapps: 1, webapps: 1 });
  control = await startControlServer(stack.network, { host: '127.0.0.1', port: 0, openApi: {} });
  client = stack.client();
  session = await eventually(() => client.login('admin', 'secret', { newPassword: PASSWORD }, never));
  await stack.register(client, session);
  await client.setWebhookCa(session, receiver.caPem, never);
  await client.patchSettings(
    session,
    { webhooks: { url: receiver.url, message: { sent: true } }, callback_backoff_delay_ms: 100 },
    never,
  );
  await stack.restartNodes();
  await gatewayIs('connected');
});
afterAll(async () => {
  await control?.close();
  await stack?.close();
  await receiver?.close();
  await database?.close();
});

describe('simulated people', () => {
  it('take messages as they are told to', async () => {
    const ways: [object, string, number | undefined][] = [
      [{}, 'read', undefined],
      [{ readAfterMs: null }, 'delivered', undefined],
      [{ deleteAfterMs: 10 }, 'deleted', undefined],
      [{ hasWhatsApp: false }, 'failed', 1013],
      [{ failsWith: 472 }, 'failed', 472],
    ];
    for (const [how, status, code] of ways) {
      const id = await client.sendText(session, await somebody(how), 'Hello', never);
      expect((await told(id, status)).errors?.[0]?.code).toBe(code);
    }
    const blocked = await client.sendText(session, await somebody({ blocks: true }), 'Hello', never);
    await told(blocked, 'sent');
    expect(await simulate('PUT', '/people/16505551234', { hasPhone: true })).toBe(400);
  });

  it('have a window of 24 hours, which closes when the clock is moved, and which templates pass', async () => {
    const person = await somebody();
    const open = await client.sendText(session, person, 'Hello', never);
    expect(await told(open, 'sent')).toMatchObject({
      conversation: {
        id: expect.any(String),
        expiration_timestamp: expect.any(Number),
        origin: { type: 'service' },
      },
      pricing: { pricing_model: 'CBP', billable: true, category: 'service' },
    });
    expect(await simulate('POST', '/clock', { advanceMs: 25 * 3_600_000 })).toBe(204);
    const late = await client.sendText(session, person, 'Still there?', never);
    expect((await told(late, 'failed')).errors?.[0]?.code).toBe(470);
    const reminder = await sendTemplate(person, template());
    expect((await told(reminder, 'delivered')).pricing).toMatchObject({ category: 'utility' });
  });

  it('change their phone: the business is told, and has to acknowledge before it sends again', async () => {
    await client.patchSettings(
      session,
      { show_security_notifications: true, notify_user_change_number: true },
      never,
    );
    const person = await somebody();
    await eventually(() => client.sendText(session, person, 'before', never));
    expect(await simulate('POST', `/people/${person}/identity`)).toBe(204);
    const { system: change } = await eventually(() => system('user_identity_changed'));
    const { identity: hash } = change as { identity: string };
    await expect(client.sendText(session, person, 'after', never)).rejects.toMatchObject({ apiCode: 1028 });
    await writes(person, { text: 'new phone' });
    const received = await eventually(() =>
      receiver.received
        .flatMap(({ messages = [] }) => messages)
        .find(({ text }) => text?.body === 'new phone'),
    );
    expect(received.identity).toMatchObject({ hash, acknowledged: false });
    expect(await client.identity(session, person, never)).toMatchObject({ hash, acknowledged: false });
    await client.acknowledgeIdentity(session, person, hash, never);
    await told(await client.sendText(session, person, 'acknowledged', never), 'read');

    expect(await simulate('POST', `/people/${person}/number`, { newWaId: '16505559876' })).toBe(204);
    expect((await eventually(() => system('user_changed_number'))).system).toMatchObject({
      new_wa_id: '16505559876',
    });
  });
});

describe('callbacks', () => {
  it('are kept in memory only with callback_persist off, once the Coreapp has restarted', async () => {
    await client.patchSettings(session, { callback_persist: false }, never);
    await stack.restartNodes();
    await gatewayIs('connected');
    receiver.refuse(true);
    const person = await somebody();
    const id = await eventually(() => client.sendText(session, person, 'in memory', never));
    await eventually(async () => (await stack.messages().counts()).receipts > 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await stack.messages().counts()).callbacks).toBe(0);
    receiver.refuse(false);
    await told(id, 'read');
    await client.patchSettings(session, { callback_persist: true }, never);
    await stack.restartNodes();
    await gatewayIs('connected');
  });
});

describe('a build', () => {
  it('that has expired is disconnected, and refuses to send', async () => {
    await stack.restartNodes({ buildDateMs: Date.now() - 181 * 86_400_000 });
    const person = await somebody();
    await gatewayIs('disconnected');
    await expect(client.sendText(session, person, 'x', never)).rejects.toMatchObject({
      status: 403,
      apiCode: 1005,
    });
    const expires = Object.values(await client.support(session, never))[0]?.expire_timestamp ?? '';
    expect(Date.parse(`${expires}Z`)).toBeLessThan(Date.now());
    await stack.restartNodes();
    await gatewayIs('connected');
  });
});

describe('templates and faults', () => {
  it('are judged by the catalogue: at once, or by a status', async () => {
    const person = await somebody();
    const entry = (name: string, more: object = {}) => ({ namespace: 'ns', name, language: 'en', ...more });
    expect(
      await simulate('PUT', `/numbers/${stack.number}/templates`, [
        entry('order', { bodyParameters: 1 }),
        entry('bad', { status: 'rejected' }),
        entry('poor', { status: 'paused' }),
      ]),
    ).toBe(204);
    const body = { components: [{ type: 'body', parameters: [{ type: 'text', text: 'Ana' }] }] };
    await told(await sendTemplate(person, template(body)), 'read');
    for (const [wrong, apiCode] of [
      [template(), 2000],
      [template({ name: 'none' }), 2001],
      [template({ namespace: 'other' }), 1009],
      [template({ name: 'bad' }), 2060],
    ] as const)
      await expect(sendTemplate(person, wrong)).rejects.toMatchObject({ apiCode });
    const paused = await sendTemplate(person, template({ name: 'poor' }));
    expect((await told(paused, 'failed')).errors?.[0]?.code).toBe(2061);
  });

  it('of the way to WhatsApp lose nothing, though statuses may be told again: the connection is cut after half of the messages', async () => {
    const person = await somebody();
    expect(await simulate('PUT', `/numbers/${stack.number}/faults`, { latencyMs: 5, cutShare: 0.5 })).toBe(
      204,
    );
    const ids: string[] = [];
    for (let index = 0; index < 20; index++)
      ids.push(await client.sendText(session, person, `message ${index}`, never));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await simulate('PUT', `/numbers/${stack.number}/faults`, {});
    for (const id of ids) await told(id, 'read');
  });
});
