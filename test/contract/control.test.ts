import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CallbackRecord } from '../../src/stack/network/callbackLog.ts';
import type { RequestRecord } from '../../src/stack/network/requestLog.ts';
import { apiCall } from '../support/apiCall.ts';
import { eventually } from '../support/eventually.ts';
import { Simulation } from '../support/simulation.ts';
import { testDatabase } from '../support/testDatabase.ts';

const never = new AbortController().signal;
const V1 = '/control/v1';

let database: Awaited<ReturnType<typeof testDatabase>>;
let simulation: Simulation;
beforeAll(async () => {
  database = await testDatabase();
  simulation = await Simulation.start(database, 'control_');
});
afterAll(async () => {
  await simulation?.close();
  await database?.close();
});
beforeEach(async () => {
  simulation.receiver.refuse(false);
  expect(await simulation.simulate('POST', `${V1}/reset`, {})).toBe(204);
});

const expectCallback = async (matching: object, more: object = {}): Promise<CallbackRecord> => {
  const answer = await simulation.ask('POST', `${V1}/callbacks/expect`, {
    matching,
    timeoutMs: 10_000,
    ...more,
  });
  const content = await answer.json();
  expect(answer.status, JSON.stringify(content)).toBe(200);
  return content as CallbackRecord;
};
const sendText = (to: string) => simulation.client.messages.sendText(simulation.session, to, 'Hello', never);
const advance = (advanceMs: number) => simulation.simulate('POST', `${V1}/clock`, { advanceMs });
const requests = async (query: string) =>
  (await simulation.read<{ requests: RequestRecord[] }>(`${V1}/requests${query}`)).requests;

describe('the control API of a running stack', () => {
  it('shows each attempt to deliver a callback, and posts it again when asked to', async () => {
    simulation.receiver.refuse(true);
    const id = await sendText(await simulation.personWhoWrote());
    const matching = { statuses: [{ id, status: 'sent' }] };
    await eventually(async () => (await expectCallback(matching)).attempts.length > 1);
    const waiting = await expectCallback(matching);
    expect(waiting).toMatchObject({ state: 'waiting', number: simulation.stack.number, kind: 'statuses' });
    expect(waiting.attempts[0]).toMatchObject({
      url: simulation.receiver.url,
      status: 503,
      problem: 'HTTP 503',
    });
    simulation.receiver.refuse(false);
    const delivered = await expectCallback(matching, { state: 'delivered' });
    expect(delivered.attempts.at(-1)).toMatchObject({ status: 200 });
    const before = simulation.receiver.received.length;
    const again = await simulation.ask('POST', `${V1}/callbacks/${delivered.id}/redeliver`, {});
    expect(again.status).toBe(201);
    const copy = await expectCallback(matching, { state: 'delivered', after: delivered.id });
    expect(copy).toMatchObject({ redeliveryOf: delivered.id, body: delivered.body });
    expect(simulation.receiver.received.slice(before)).toContainEqual(delivered.body);
  });

  it('moves delays of people and of callbacks that were refused with its clock', async () => {
    const person = await simulation.personWhoWrote({ deliverAfterMs: 3_600_000, readAfterMs: 3_600_000 });
    await simulation.client.settings.patchApplication(
      simulation.session,
      { callback_backoff_delay_ms: 600_000 },
      never,
    );
    try {
      simulation.receiver.refuse(true);
      const id = await sendText(person);
      const refused = { statuses: [{ id, status: 'sent' }] };
      await eventually(async () => (await expectCallback(refused)).attempts.length === 1);
      simulation.receiver.refuse(false);
      expect(await advance(3_600_000)).toBe(204);
      await expectCallback(refused, { state: 'delivered' });
      await expectCallback({ statuses: [{ id, status: 'delivered' }] }, { state: 'delivered' });
      expect(await advance(3_600_000)).toBe(204);
      await expectCallback({ statuses: [{ id, status: 'read' }] }, { state: 'delivered' });
    } finally {
      await simulation.client.settings.patchApplication(
        simulation.session,
        { callback_backoff_delay_ms: 100 },
        never,
      );
    }
  });

  it('lets tokens expire when the clock has moved a week', async () => {
    const { client } = simulation;
    const { session } = simulation;
    await client.settings.application(session, never);
    await advance(8 * 86_400_000);
    await expect(client.settings.application(session, never)).rejects.toMatchObject({ status: 401 });
    await simulation.logIn();
    await client.settings.application(simulation.session, never);
  });

  it('logs calls with what was wrong with them, and no secrets', async () => {
    const person = await simulation.personWhoWrote();
    const headers = { authorization: `Bearer ${simulation.session.token}` };
    const post = (path: string, body: object) =>
      apiCall(simulation.stack.address(), {
        method: 'POST',
        path,
        headers,
        body: Buffer.from(JSON.stringify(body)),
      });
    await post('/v1/messages?x=1', { to: person, type: 'text', text: {} });
    await post('/v1/users', { username: 'agent', password: 'too-simple' });
    const [message] = await eventually(async () => {
      const found = await requests('?refused&path=/v1/messages');
      return found.length > 0 ? found : undefined;
    });
    expect(message).toMatchObject({
      method: 'POST',
      path: '/v1/messages?x=1',
      status: 400,
      body: { to: person, type: 'text' },
      errors: [{ code: 1008, details: "Parameter 'body' is mandatory for type 'text'" }],
    });
    const [user] = await eventually(async () => {
      const found = await requests('?refused&path=/v1/users');
      return found.length > 0 ? found : undefined;
    });
    expect(user?.errors).not.toEqual([]);
    expect(JSON.stringify(user)).not.toContain('too-simple');
  });

  it('meets only the messages to one person with a fault', async () => {
    const [unlucky, lucky] = [await simulation.personWhoWrote(), await simulation.personWhoWrote()];
    const fault = { method: 'POST', path: '/v1/messages', to: unlucky, type: 'text', code: 1016, times: 1 };
    const added = await simulation.ask('POST', `${V1}/api-faults`, fault);
    expect(added.status).toBe(201);
    await sendText(lucky);
    await expect(sendText(unlucky)).rejects.toMatchObject({ code: 'Api1016' });
    await sendText(unlucky);
  });

  it('forgets messages and callbacks that wait when it is reset', async () => {
    simulation.receiver.refuse(true);
    const id = await sendText(await simulation.personWhoWrote());
    const last = await expectCallback({ statuses: [{ id, status: 'read' }] });
    expect(await simulation.simulate('POST', `${V1}/reset`, {})).toBe(204);
    simulation.receiver.refuse(false);
    const next = await sendText(await simulation.personWhoWrote());
    await expectCallback({ statuses: [{ id: next, status: 'read' }] }, { state: 'delivered' });
    const { callbacks } = await simulation.read<{ callbacks: CallbackRecord[] }>(`${V1}/callbacks`);
    expect(JSON.stringify(callbacks)).not.toContain(id);
    expect(callbacks[0]?.id).toBeGreaterThan(last.id);
    expect(JSON.stringify(simulation.receiver.received)).not.toContain(id);
  });

  it('replays recorded callbacks in their order', async () => {
    const callbacks = ['b', 'a'].map((id, index) => ({
      afterMs: 200 - index * 200,
      body: { errors: [{ code: 1, title: id }] },
    }));
    const path = `${V1}/numbers/${simulation.stack.number}/replay`;
    const answer = await simulation.ask('POST', path, { callbacks, speed: 2 });
    expect([answer.status, await answer.json()]).toEqual([200, { posted: 2 }]);
    await expectCallback({ errors: [{ title: 'b' }] }, { state: 'delivered' });
    const titles = simulation.receiver.received.flatMap(({ errors = [] }) =>
      errors.map(({ title }) => title),
    );
    expect(titles.slice(-2)).toEqual(['a', 'b']);
  });
});
