import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiCall } from '../support/apiCall.ts';
import { certificateFor } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { Simulation, template } from '../support/simulation.ts';
import { testDatabase } from '../support/testDatabase.ts';

let database: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database?.close());

/** A stack of a version, called without the client, which knows only the newest answers. */
async function stackOf(version: string, run: (simulation: Simulation, call: Call) => Promise<void>) {
  const prefix = `${version.replace(/\W/g, '_')}_`;
  const simulation = await Simulation.start(database, prefix, { version });
  try {
    await run(simulation, async (method, path, body) => {
      const headers = {
        authorization: `Bearer ${simulation.session.token}`,
        'content-type': 'application/json',
      };
      const content = body === undefined ? undefined : JSON.stringify(body);
      const answer = await apiCall(simulation.stack.address(), { method, path, headers, body: content });
      return { ...answer, code: answer.json?.errors?.[0]?.code };
    });
  } finally {
    await simulation.close();
  }
}
type Call = (
  method: string,
  path: string,
  body?: unknown,
) => Promise<Awaited<ReturnType<typeof apiCall>> & { code: number | undefined }>;

const message = (to: string, more: object = { text: { body: 'x' } }) => ({ to, ...more });
const person = '16505550001';

describe('the version of the client', () => {
  it('v2.21.2 is the oldest: no ttl, no metrics, no names, whole profiles, no limits', async () => {
    await stackOf('v2.21.2', async (simulation, call) => {
      expect((await call('GET', '/v1/health')).json.meta.version).toBe('2.21.2');
      expect((await call('GET', '/v1/users/admin')).json.meta.version).toBe('v2.21.2');
      const { support } = (await call('GET', '/v1/support')).json;
      expect(support.version).toBe('v2.21.2');
      for (const [method, path] of [
        ['GET', '/metrics'],
        ['PUT', '/v1/services/message/gc'],
        ['GET', '/v1/settings/business/compliance_info'],
      ] as const)
        expect([path, (await call(method, path)).status]).toEqual([path, 404]);

      await simulation.writes(person, { text: 'Hi', profileName: 'Ana' });
      await simulation.waitForMessage(({ from }) => from === person);
      expect(simulation.receiver.received.find(({ messages }) => messages)?.contacts).toEqual([
        { wa_id: person },
      ]);
      const sent = await call('POST', '/v1/messages', message(person));
      expect([sent.status, sent.json.contacts]).toEqual([201, undefined]);
      const late = { type: 'template', template: template(), ttl: 3 };
      expect((await call('POST', '/v1/messages', message(person, late))).code).toBe(1010);
      const fallback = {
        type: 'template',
        template: template({ language: { policy: 'fallback', code: 'en' } }),
      };
      expect((await call('POST', '/v1/messages', message(person, fallback))).status).toBe(201);

      expect((await call('POST', '/v1/settings/business/profile', { email: '' })).code).toBe(1008);
      expect((await call('PATCH', '/v1/settings/application', { pass_through: true })).status).toBe(200);
    });
  });

  it('v2.37.2 checks contacts, and sends only to those that it has checked', async () => {
    await stackOf('v2.37.2', async (simulation, call) => {
      const gone = '16505550002';
      await simulation.simulate('PUT', `/people/${gone}`, { hasWhatsApp: false });
      expect((await call('POST', '/v1/messages', message(person))).code).toBe(1013);
      const check = async (blocking: string) =>
        (await call('POST', '/v1/contacts', { contacts: [person, gone], blocking })).json.contacts;
      expect(await check('no_wait')).toEqual([
        { input: person, status: 'processing' },
        { input: gone, status: 'processing' },
      ]);
      const known = [
        { input: person, status: 'valid', wa_id: person },
        { input: gone, status: 'invalid' },
      ];
      expect(await check('no_wait')).toEqual(known);
      expect(await check('wait')).toEqual(known);
      expect((await call('POST', '/v1/messages', message(person))).status).toBe(201);
      expect((await call('POST', '/v1/messages', message(gone))).code).toBe(1013);
      await simulation.simulate('POST', '/clock', { advanceMs: 8 * 86_400_000 });
      // The token has expired with the rest.
      await simulation.logIn();
      expect((await call('POST', '/v1/messages', message(person))).code).toBe(1013);
      expect((await call('PATCH', '/v1/settings/application', { pass_through: true })).code).toBe(1009);
    });
  });

  it('v2.39.4 answers with contacts, and knows of statuses only whether sent is wanted', async () => {
    await stackOf('v2.39.4', async (simulation, call) => {
      const path = '/v1/settings/application';
      expect((await call('PATCH', path, { webhooks: { message: { read: false } } })).code).toBe(1010);
      expect((await call('GET', path)).json.settings.application.webhooks).not.toHaveProperty('message');
      await simulation.writes(person);
      const send = async () => (await call('POST', '/v1/messages', message(person))).json;
      const quiet = await send();
      expect(quiet.contacts).toEqual([{ input: person, wa_id: person }]);
      await simulation.waitForStatus(quiet.messages[0].id, 'read');
      expect(simulation.receiver.statuses(quiet.messages[0].id)).not.toContain('sent');
      await call('PATCH', path, { sent_status: true });
      const told = await send();
      await simulation.waitForStatus(told.messages[0].id, 'sent');
      const caption = { type: 'image', image: { link: 'https://127.0.0.1:9/x', caption: 'x'.repeat(1025) } };
      expect((await call('POST', '/v1/messages', message(person, caption))).status).toBe(201);
      expect(
        (await call('POST', '/v1/contacts', { contacts: [person], blocking: 'wait' })).json.contacts,
      ).toEqual([{ input: person, status: 'valid', wa_id: person }]);
    });
  });

  it('v2.43.1 finds every contact valid, and changes shards without a certificate', async () => {
    await stackOf('v2.43.1', async (simulation, call) => {
      const gone = '16505550003';
      await simulation.simulate('PUT', `/people/${gone}`, { hasWhatsApp: false });
      expect((await call('POST', '/v1/contacts', { contacts: [gone] })).json.contacts).toEqual([
        { input: gone, status: 'valid', wa_id: gone },
      ]);
      const shards = { cc: '1', phone_number: simulation.stack.number.slice(1), shards: 1 };
      expect((await call('POST', '/v1/account/shards', shards)).status).toBe(201);
    });
  });

  it('v2.45.2 changes shards only with a certificate', async () => {
    await stackOf('v2.45.2', async (simulation, call) => {
      const shards = { cc: '1', phone_number: simulation.stack.number.slice(1), shards: 1 };
      expect((await call('POST', '/v1/account/shards', shards)).code).toBe(1008);
      const cert = certificateFor(simulation.stack.number);
      expect((await call('POST', '/v1/account/shards', { ...shards, cert })).status).toBe(201);
      await eventually(
        async () => (await call('GET', '/v1/health')).json.health.gateway_status === 'connected',
      );
    });
  });
});
