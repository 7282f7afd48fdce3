import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Callback } from '../../src/onprem/webhook.ts';
import type { ChatMessage } from '../../src/stack/network/chats.ts';
import { eventually } from '../support/eventually.ts';
import { Simulation, template } from '../support/simulation.ts';
import { testDatabase } from '../support/testDatabase.ts';

const never = new AbortController().signal;
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

let database: Awaited<ReturnType<typeof testDatabase>>;
let simulation: Simulation;
beforeAll(async () => {
  database = await testDatabase();
  simulation = await Simulation.start(database, 'net_', {
    rateLimits: true,
    queueLimits: { messages: 20, callbacks: 100_000 },
  });
});
afterAll(async () => {
  await simulation?.close();
  await database?.close();
});

const failure = async (id: string) => (await simulation.waitForStatus(id, 'failed')).errors?.[0]?.code;
const invite = (to: string) => simulation.send({ to, type: 'template', template: template() });
const products = (...ids: string[]) => ({
  type: 'product_list',
  header: { type: 'text', text: 'Shop' },
  body: { text: 'Ours' },
  action: {
    catalog_id: 'c1',
    sections: [{ title: 'All', product_items: ids.map((id) => ({ product_retailer_id: id })) }],
  },
});

describe('the limits of a number', () => {
  it('let it start conversations with as many people a day as its tier allows', async () => {
    expect(await simulation.ofNumber('PUT', 'limits', { tier: 250, quality: 'low' })).toBe(204);
    const { stack } = simulation;
    const begun = stack.network.state.begun(stack.number);
    for (let index = 0; index < 249; index++) begun.begin(`1650000${index}`, Date.now());
    const first = simulation.stranger();
    await simulation.waitForStatus(await invite(first), 'read');
    expect(await failure(await invite(simulation.stranger()))).toBe(471);
    // People with an open conversation, and people who wrote first, do not count again.
    await simulation.waitForStatus(await invite(first), 'read');
    await simulation.waitForStatus(await invite(await simulation.personWhoWrote()), 'read');
    expect(await simulation.ofNumber('PUT', 'limits', { tier: 300 })).toBe(400);
    await simulation.ofNumber('PUT', 'limits', { tier: null });
    await simulation.waitForStatus(await invite(simulation.stranger()), 'read');
    const { numbers } = await simulation.read<{ numbers: { limits: object }[] }>('/numbers');
    expect(numbers[0]?.limits).toEqual({ tier: null, quality: 'low' });
  });

  it('do not count a message whose media cannot be downloaded', async () => {
    const person = await simulation.personWhoWrote();
    const image = { link: 'https://127.0.0.1:1/none.png' };
    for (let sent = 0; sent < 25; sent++)
      await simulation.waitForStatus(await simulation.send({ to: person, type: 'image', image }), 'failed');
  });

  it('include queues: when nothing is sent, messages are refused with 1016', async () => {
    const person = await simulation.personWhoWrote();
    await simulation.ofNumber('PUT', 'faults', { latencyMs: 60_000 });
    const refusal = await eventually(async () => {
      try {
        await simulation.send({ to: person, text: { body: 'x' } });
        return undefined;
      } catch (error) {
        return error;
      }
    });
    expect(refusal).toMatchObject({ status: 503, apiCode: 1016, retriable: true });
    await simulation.ofNumber('PUT', 'faults', {});
    // A new session resends unanswered messages.
    await simulation.stack.restartNodes();
    await simulation.gatewayIs('connected');
    await simulation.waitForStatus(
      await eventually(() => simulation.send({ to: person, text: { body: 'again' } }).catch(() => undefined)),
      'read',
    );
  });
});

describe('people and faults', () => {
  it('get templates after opting out only once they have written', async () => {
    const person = simulation.stranger();
    await simulation.simulate('PUT', `/people/${person}`, { optedOut: true, name: 'Bob' });
    expect(await failure(await invite(person))).toBe(471);
    await simulation.writes(person);
    await simulation.waitForStatus(await invite(person), 'read');
  });

  it('make messages fail with a code, or get lost', async () => {
    const person = await simulation.personWhoWrote();
    await simulation.ofNumber('PUT', 'faults', { failsWith: 480 });
    expect(await failure(await simulation.send({ to: person, text: { body: 'x' } }))).toBe(480);
    await simulation.ofNumber('PUT', 'faults', { lossShare: 1 });
    const lost = await simulation.send({ to: person, text: { body: 'lost' } });
    await simulation.waitForStatus(lost, 'sent');
    await simulation.ofNumber('PUT', 'faults', {});
    await simulation.waitForStatus(await simulation.send({ to: person, text: { body: 'well' } }), 'read');
    expect(simulation.receiver.statuses(lost)).toEqual(['sent']);
  });
});

describe('a catalogue', () => {
  it('refuses unknown products, and warns about those it drops', async () => {
    const person = await simulation.personWhoWrote();
    const send = (interactive: object) => simulation.send({ to: person, type: 'interactive', interactive });
    await simulation.waitForStatus(await send(products('anything')), 'read');
    const linked = {
      catalogId: 'c1',
      products: [{ retailerId: 'shoe' }, { retailerId: 'knife', status: 'non_compliant' }],
    };
    expect(await simulation.ofNumber('PUT', 'catalog', linked)).toBe(204);
    await expect(send(products('gone'))).rejects.toMatchObject({ apiCode: 2027 });
    await expect(send(products('knife'))).rejects.toMatchObject({ apiCode: 2028 });
    const partly = await send(products('shoe', 'gone'));
    expect((await simulation.waitForStatus(partly, 'warning')).errors?.[0]).toMatchObject({
      code: 2026,
      details: 'missing: gone',
    });
    await simulation.waitForStatus(partly, 'read');
    await simulation.ofNumber('PUT', 'catalog', { catalogId: null });
    await expect(send(products('shoe'))).rejects.toMatchObject({ apiCode: 2025 });
  });
});

describe('the picture of an ad', () => {
  it('arrives with the message that the ad led to, unless the setting turns it off', async () => {
    const { client, session } = simulation;
    const fromAd = {
      source_url: 'https://example.org/ad',
      source_type: 'ad',
      source_id: '7',
      headline: 'Shoes',
    };
    const more = { referral: fromAd, referralMedia: { kind: 'image', data: PNG, mime_type: 'image/png' } };
    await simulation.writes(simulation.stranger(), { text: 'saw it', ...more });
    const seen = await simulation.waitForMessage(
      ({ text }) => (text as { body?: string })?.body === 'saw it',
    );
    expect(seen.referral).toMatchObject({
      ...fromAd,
      image: { id: expect.any(String), mime_type: 'image/png' },
    });
    await client.settings.patchApplication(session, { skip_referral_media_download: true }, never);
    await simulation.writes(simulation.stranger(), { text: 'saw it too', ...more });
    const plain = await simulation.waitForMessage(
      ({ text }) => (text as { body?: string })?.body === 'saw it too',
    );
    expect(plain.referral).toEqual(fromAd);
  });
});

describe('a recording', () => {
  it('holds every callback with its time, as the webhook received it', async () => {
    expect(await simulation.ofNumber('PUT', 'recording', { isOn: true })).toBe(204);
    const person = await simulation.personWhoWrote();
    const id = await simulation.send({ to: person, text: { body: 'recorded' } });
    await simulation.waitForStatus(id, 'read');
    const recorded = () =>
      simulation.read<{
        number: string;
        isOn: boolean;
        callbacks: { afterMs: number; body: Callback }[];
      }>(`/numbers/${simulation.stack.number}/recording`);
    const statusesOf = ({ callbacks }: Awaited<ReturnType<typeof recorded>>) =>
      callbacks.flatMap(({ body }) => body.statuses ?? []).filter((status) => status.id === id);
    await eventually(async () => statusesOf(await recorded()).length === 3);
    await simulation.ofNumber('PUT', 'recording', { isOn: false });
    await simulation.waitForStatus(
      await simulation.send({ to: person, text: { body: 'not recorded' } }),
      'read',
    );
    const { isOn, callbacks, number } = await recorded();
    expect([isOn, number]).toEqual([false, simulation.stack.number]);
    const known = simulation.receiver.received.map((callback) => JSON.stringify(callback));
    expect(callbacks.length).toBeGreaterThanOrEqual(4);
    for (const { afterMs, body } of callbacks) {
      expect(afterMs).toBeGreaterThanOrEqual(0);
      expect(known).toContain(JSON.stringify(body));
    }
  });
});

describe('a chat', () => {
  it('shows both sides, with the original media and the status of each message', async () => {
    const person = await simulation.personWhoWrote();
    const image = {
      id: await simulation.upload(Buffer.from(PNG, 'base64'), 'image/png'),
      caption: 'Our shop',
    };
    const id = await simulation.send({ to: person, type: 'image', image });
    await simulation.waitForStatus(id, 'read');
    const { messages } = await simulation.read<{ messages: ChatMessage[] }>(
      `/numbers/${simulation.stack.number}/chats/${person}`,
    );
    expect(messages.map(({ direction, type }) => [direction, type])).toEqual([
      ['in', 'text'],
      ['out', 'image'],
    ]);
    expect(messages[1]).toMatchObject({ status: 'read', content: { image: { caption: 'Our shop' } } });
    const shown = await simulation.ask('GET', `/media/${messages[1]?.media[0]?.sha256}?type=image/png`);
    expect(Buffer.from(await shown.arrayBuffer()).toString('base64')).toBe(PNG);
    expect((await simulation.ask('GET', `/media/${'0'.repeat(64)}`)).status).toBe(404);
  });
});
