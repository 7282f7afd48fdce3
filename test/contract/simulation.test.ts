import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Simulation, template } from '../support/simulation.ts';
import { testDatabase } from '../support/testDatabase.ts';

const never = new AbortController().signal;

let database: Awaited<ReturnType<typeof testDatabase>>;
let simulation: Simulation;
beforeAll(async () => {
  database = await testDatabase();
  simulation = await Simulation.start(database, 'sim_');
});
afterAll(async () => {
  await simulation?.close();
  await database?.close();
});

const systemMessage = (type: string) =>
  simulation.waitForMessage((message) => (message.system as { type?: string } | undefined)?.type === type);
const sendTemplate = (to: string, more: object = {}) =>
  simulation.send({ to, type: 'template', template: template(more) });

describe('simulated people', () => {
  it('receive messages according to their behaviour', async () => {
    const ways: [object, string, number | undefined][] = [
      [{}, 'read', undefined],
      [{ readAfterMs: null }, 'delivered', undefined],
      [{ deleteAfterMs: 10 }, 'deleted', undefined],
      [{ hasWhatsApp: false }, 'failed', 1013],
      [{ failsWith: 472 }, 'failed', 472],
    ];
    for (const [how, status, code] of ways) {
      const id = await simulation.client.messages.sendText(
        simulation.session,
        await simulation.personWhoWrote(how),
        'Hello',
        never,
      );
      expect((await simulation.waitForStatus(id, status)).errors?.[0]?.code).toBe(code);
    }
    const blocked = await simulation.client.messages.sendText(
      simulation.session,
      await simulation.personWhoWrote({ blocks: true }),
      'Hello',
      never,
    );
    await simulation.waitForStatus(blocked, 'sent');
    expect(await simulation.simulate('PUT', '/people/16505551234', { hasPhone: true })).toBe(400);
  });

  it('have a window of 24 hours, which closes when the clock is advanced, and which templates ignore', async () => {
    const person = await simulation.personWhoWrote();
    const open = await simulation.client.messages.sendText(simulation.session, person, 'Hello', never);
    expect(await simulation.waitForStatus(open, 'sent')).toMatchObject({
      conversation: {
        id: expect.any(String),
        expiration_timestamp: expect.any(Number),
        origin: { type: 'service' },
      },
      pricing: { pricing_model: 'CBP', billable: true, category: 'service' },
    });
    expect(await simulation.simulate('POST', '/clock', { advanceMs: 25 * 3_600_000 })).toBe(204);
    const late = await simulation.client.messages.sendText(simulation.session, person, 'Still there?', never);
    expect((await simulation.waitForStatus(late, 'failed')).errors?.[0]?.code).toBe(470);
    // Every status has the time of the network.
    for (const status of ['sent', 'failed'])
      expect(Number((await simulation.waitForStatus(late, status)).timestamp) * 1000).toBeGreaterThan(
        Date.now() + 24 * 3_600_000,
      );
    const reminder = await sendTemplate(person);
    expect((await simulation.waitForStatus(reminder, 'delivered')).pricing).toMatchObject({
      category: 'utility',
    });
  });

  it('can change their phone: the business gets a webhook, and must acknowledge it before it sends again', async () => {
    await simulation.client.settings.patchApplication(
      simulation.session,
      { show_security_notifications: true, notify_user_change_number: true },
      never,
    );
    const person = await simulation.personWhoWrote();
    await eventually(() => simulation.client.messages.sendText(simulation.session, person, 'before', never));
    expect(await simulation.simulate('POST', `/people/${person}/identity`)).toBe(204);
    const { system: change } = await systemMessage('user_identity_changed');
    const { identity: hash } = change as { identity: string };
    await expect(
      simulation.client.messages.sendText(simulation.session, person, 'after', never),
    ).rejects.toMatchObject({ apiCode: 1028 });
    await simulation.writes(person, { text: 'new phone' });
    const received = await eventually(() =>
      simulation.receiver.received
        .flatMap(({ messages = [] }) => messages)
        .find(({ text }) => text?.body === 'new phone'),
    );
    expect(received.identity).toMatchObject({ hash, acknowledged: false });
    expect(await simulation.client.contacts.identity(simulation.session, person, never)).toMatchObject({
      hash,
      acknowledged: false,
    });
    await simulation.client.contacts.acknowledgeIdentity(simulation.session, person, hash, never);
    await simulation.waitForStatus(
      await simulation.client.messages.sendText(simulation.session, person, 'acknowledged', never),
      'read',
    );

    expect(await simulation.simulate('POST', `/people/${person}/number`, { newWaId: '16505559876' })).toBe(
      204,
    );
    expect((await systemMessage('user_changed_number')).system).toMatchObject({
      new_wa_id: '16505559876',
    });
  });
});

describe('callbacks', () => {
  it('are kept in memory only with callback_persist off, once the Coreapp has restarted', async () => {
    await simulation.client.settings.patchApplication(simulation.session, { callback_persist: false }, never);
    await simulation.stack.restartNodes();
    await simulation.gatewayIs('connected');
    simulation.receiver.refuse(true);
    const person = await simulation.personWhoWrote();
    const id = await eventually(() =>
      simulation.client.messages.sendText(simulation.session, person, 'in memory', never),
    );
    await eventually(async () => (await simulation.stack.messages().counts()).receipts > 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await simulation.stack.messages().counts()).callbacks).toBe(0);
    simulation.receiver.refuse(false);
    await simulation.waitForStatus(id, 'read');
    await simulation.client.settings.patchApplication(simulation.session, { callback_persist: true }, never);
    await simulation.stack.restartNodes();
    await simulation.gatewayIs('connected');
  });
});

describe('a build', () => {
  it('is disconnected once it has expired, and refuses to send', async () => {
    await simulation.stack.restartNodes({ buildDateMs: Date.now() - 181 * 86_400_000 });
    const person = await simulation.personWhoWrote();
    await simulation.gatewayIs('disconnected');
    await expect(
      simulation.client.messages.sendText(simulation.session, person, 'x', never),
    ).rejects.toMatchObject({
      status: 403,
      apiCode: 1005,
    });
    const expires =
      Object.values(await simulation.client.support.nodes(simulation.session, never))[0]?.expire_timestamp ??
      '';
    expect(Date.parse(`${expires}Z`)).toBeLessThan(Date.now());
    await simulation.stack.restartNodes();
    await simulation.gatewayIs('connected');
  });
});

describe('templates and faults', () => {
  it('are checked against the catalogue: on acceptance, or by a status', async () => {
    const person = await simulation.personWhoWrote();
    const entry = (name: string, more: object = {}) => ({ namespace: 'ns', name, language: 'en', ...more });
    expect(
      await simulation.simulate('PUT', `/numbers/${simulation.stack.number}/templates`, [
        entry('order', { bodyParameters: 1 }),
        entry('bad', { status: 'rejected' }),
        entry('poor', { status: 'paused' }),
      ]),
    ).toBe(204);
    const body = { components: [{ type: 'body', parameters: [{ type: 'text', text: 'Ana' }] }] };
    await simulation.waitForStatus(await sendTemplate(person, body), 'read');
    for (const [wrong, apiCode] of [
      [{}, 2000],
      [{ name: 'none' }, 2001],
      [{ namespace: 'other' }, 1009],
      [{ name: 'bad' }, 2060],
    ] as const)
      await expect(sendTemplate(person, wrong)).rejects.toMatchObject({ apiCode });
    const paused = await sendTemplate(person, { name: 'poor' });
    expect((await simulation.waitForStatus(paused, 'failed')).errors?.[0]?.code).toBe(2061);
  });

  it('of the connection to WhatsApp lose no message, but may repeat statuses: it is cut after half of the messages', async () => {
    const person = await simulation.personWhoWrote();
    expect(
      await simulation.simulate('PUT', `/numbers/${simulation.stack.number}/faults`, {
        latencyMs: 5,
        cutShare: 0.5,
      }),
    ).toBe(204);
    const ids: string[] = [];
    for (let index = 0; index < 20; index++)
      ids.push(
        await simulation.client.messages.sendText(simulation.session, person, `message ${index}`, never),
      );
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await simulation.simulate('PUT', `/numbers/${simulation.stack.number}/faults`, {});
    for (const id of ids) await simulation.waitForStatus(id, 'read');
  });
});
