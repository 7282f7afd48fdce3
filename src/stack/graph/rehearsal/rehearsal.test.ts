import { createServer } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../../test/support/eventually.ts';
import { SimulatedGraph } from '../../../../test/support/simulatedGraph.ts';
import { listen } from '../../../base/ports.ts';
import { onPremisesId } from '../../../cloud/messageIds.ts';
import type { Callback, MessageStatus } from '../../../onprem/webhook.ts';
import { inboundCallback, statusCallback } from '../../coreapp/webhooks/payloads.ts';
import { createControlApp } from '../../network/controlServer.ts';
import { type RehearsalEvent, rehearsalEvent, rehearsalReport } from '../../network/rehearsalRecord.ts';
import { REMEMBERED_REQUESTS } from '../../network/requestLog.ts';

const ANA = '16505550001';
const CALL = { at: 1, method: 'POST', path: '/v1/messages', status: 201, durationMs: 1 };

let graph: SimulatedGraph;
let webhooks: Record<string, unknown>[];
let closeHook: () => void;
beforeEach(async () => {
  graph = await SimulatedGraph.start();
  webhooks = [];
  const server = createServer(async (request, response) => {
    const query = new URL(request.url ?? '/', 'http://hook').searchParams;
    if (request.method === 'POST')
      webhooks.push(JSON.parse(await textOf(request)) as Record<string, unknown>);
    response.end(query.get('hub.challenge') ?? '');
  });
  const port = await listen(server, { host: '127.0.0.1', port: 0 });
  closeHook = () => void server.close();
  const callback = { url: `http://127.0.0.1:${port}/hook`, verifyToken: 'mine' };
  await graph.network.record({ type: 'graph-app', change: { callback } });
  // The number is on both APIs.
  await graph.network.record({ type: 'registered', number: graph.number, registrationKey: 'key', at: 0 });
});
afterEach(async () => {
  closeHook();
  await graph.close();
});

const ask = async (path: string) => {
  const app = createControlApp(graph.network, { openApi: {} });
  return (await app.request(`/control/v1${path}`)).json();
};
const events = async (query = ''): Promise<readonly RehearsalEvent[]> => {
  const { events: listed } = (await ask(`/rehearsal/events${query}`)) as { events: RehearsalEvent[] };
  return listed.map((event) => rehearsalEvent.parse(event));
};
const report = async () => rehearsalReport.parse(await ask('/rehearsal'));
const sent = (text: string) =>
  graph.network.requests.take('w0', { ...CALL, body: JSON.stringify({ to: ANA, text: { body: text } }) });
const told = (key: string, payload: object) =>
  graph.network.callbacks.take(graph.number, { key, payload: JSON.stringify(payload), state: 'waiting' });
const callGraph = (body: object) =>
  fetch(`${graph.url}/v26.0/${graph.phoneNumberId}/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${graph.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ messaging_product: 'whatsapp', ...body }),
  });

/** Ids of media are new in each webhook. */
const withoutMediaIds = (body: unknown): unknown =>
  JSON.parse(JSON.stringify(body).replace(/"id":"\d+"(?=[,}])/g, '"id":"media"'));

describe('a callback of /v1', () => {
  const media = { data: Buffer.from('picture').toString('base64'), mime_type: 'image/png' };
  it.each([
    ['text', { type: 'text', text: 'Hi', profileName: 'Ana' }],
    ['location', { type: 'location', location: { latitude: 1, longitude: 2 } }],
    ['image', { type: 'image', image: { caption: 'Look' }, ...media }],
    ['voice', { type: 'voice', ...media, mime_type: 'audio/ogg; codecs=opus' }],
    ['reaction', { type: 'reaction', reaction: { message_id: 'x', emoji: '👍' } }],
  ])('of %s becomes what the webhook is really told', async (type, message) => {
    const wamid = await graph.say(ANA, message);
    const [webhook] = await eventually(() => (webhooks.length > 0 ? webhooks : undefined));
    // What the stack tells of the same event: media by ids and checksums of its own.
    const heardBody = graph.network.state.known(graph.number).events?.at(-1)?.body;
    if (heardBody?.kind !== 'inbound') throw new Error(`no event of ${wamid}`);
    const { message: heard, media: file, profileName } = heardBody;
    const own = heard[type] as object;
    const content = file
      ? { ...own, id: 'uuid', mime_type: file.type, sha256: file.sha256, file: '/m' }
      : own;
    const callback = inboundCallback({ ...heard, [type]: content }, { profileName }, 0);
    told('inbound', callback.payload);
    const [event] = await events('?kind=callback');
    expect(withoutMediaIds(event?.graph[0]?.body)).toEqual(withoutMediaIds(webhook));
    expect(event?.verdict).toBe(['image', 'voice'].includes(type) ? 'differs' : 'ready');
  });

  it.each(['sent', 'delivered', 'read'] as const)(
    'of the status %s has the fields that it really has',
    async (name) => {
      await graph.openWindows(ANA);
      await callGraph({ to: `+${ANA}`, type: 'text', text: { body: 'Hi' } });
      const statusOf = (body: unknown) =>
        (body as { entry: { changes: { value: { statuses?: Record<string, unknown>[] } }[] }[] }).entry
          .flatMap(({ changes }) => changes.flatMap(({ value }) => value.statuses ?? []))
          .find(({ status }) => status === name);
      const really = await eventually(() => webhooks.map(statusOf).find((each) => each !== undefined));
      if (!really) throw new Error('no status');
      const timestamp = String(really.timestamp);
      const messageId = onPremisesId(String(really.id)) ?? '';
      told('status', statusCallback({ messageId, recipient: ANA, status: name, timestamp }, 0).payload);
      const [event] = await events('?kind=callback');
      expect(statusOf(event?.graph[0]?.body)).toEqual(really);
    },
  );

  it('that no webhook tells has no counterpart, and one with both is as bad as the worse', async () => {
    const status = (name: MessageStatus) => {
      const { payload } = statusCallback({ messageId: 'm', recipient: ANA, status: name, timestamp: '1' }, 0);
      return (payload as Callback).statuses ?? [];
    };
    told('a', { statuses: status('deleted') });
    told('b', { statuses: [...status('read'), ...status('warning')] });
    told('c', { media_items: [{ type: 'image', image: {} }] });
    told('d', { anything: 1 });
    const seen = await events();
    expect(seen.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['status deleted', 'no-counterpart'],
      ['status read, status warning', 'no-counterpart'],
      ['media_items', 'no-counterpart'],
    ]);
    expect(seen[1]?.graph[0]?.body).toMatchObject({ object: 'whatsapp_business_account' });
    expect((await report()).counts).toEqual({ ready: 0, differs: 1, 'no-counterpart': 3 });
  });
});

describe('a call of the new client', () => {
  it('is compared with the latest like call of /v1 to the same person', async () => {
    graph.network.requests.take('w0', {
      ...CALL,
      body: JSON.stringify({ to: ANA, preview_url: true, text: { body: 'https://x.example' } }),
    });
    await graph.openWindows(ANA);
    await callGraph({ to: ANA, type: 'text', text: { body: 'https://x.example' } });
    await callGraph({ to: `+${ANA}`, type: 'text', text: { body: 'https://x.example', preview_url: true } });
    await callGraph({ to: '+16505550077', type: 'text', text: { body: 'https://x.example' } });
    const seen = await events('?kind=graph-call');
    expect(
      seen.map(({ verdict, differences }) => [
        verdict,
        differences.map(({ change, from }) => `${change} ${from}`),
      ]),
    ).toEqual([
      ['differs', ['changed to', 'removed text.preview_url']],
      ['ready', []],
      ['ready', []],
    ]);
    expect(seen.map(({ v1 }) => v1?.line)).toEqual(['POST /v1/messages', 'POST /v1/messages', undefined]);
  });

  it('that is refused tells why', async () => {
    await callGraph({ to: `+${ANA}`, type: 'template' });
    const [event] = await events();
    expect(event).toMatchObject({ verdict: 'differs', problems: [expect.stringMatching(/^131008: /)] });
    expect(event?.remedies).toContain('Takes the place of POST /v1/messages.');
  });
});

describe('the rehearsal', () => {
  it('begins with what the logs hold, takes each record once, and tells those who watch', async () => {
    sent('before');
    told('a', { errors: [{ code: 1, title: 'x' }] });
    expect(await events()).toHaveLength(2);
    const heard: string[] = [];
    graph.network.notices.watch((notice) => {
      if (notice.about === 'rehearsal') heard.push(notice.name);
    });
    sent('after');
    // The same callback, after an attempt.
    told('a', { errors: [{ code: 1, title: 'x' }] });
    expect(heard).toEqual(['POST /v1/messages text']);
    expect(await events()).toHaveLength(3);
  });

  it('counts what is alike together, with the first example, and forgets it at a reset', async () => {
    sent('one');
    sent('two');
    const { counts, findings, envelope } = await report();
    expect(counts).toEqual({ ready: 2, differs: 0, 'no-counterpart': 0 });
    expect(findings).toMatchObject([{ name: 'POST /v1/messages text', count: 2, differences: [] }]);
    expect(findings[0]?.first.v1?.body).toMatchObject({ text: { body: 'one' } });
    expect(envelope.map(({ to }) => to)).toContain('messaging_product');
    await graph.network.restore();
    expect((await report()).findings).toEqual([]);
    sent('three');
    expect((await report()).counts.ready).toBe(1);
  });

  it('keeps no more events than the log of calls, and counts them all the same', async () => {
    await report();
    const more = 5;
    for (let index = 0; index < REMEMBERED_REQUESTS + more; index++) sent(String(index));
    expect(graph.graph.rehearsal.events()).toHaveLength(REMEMBERED_REQUESTS);
    expect((await report()).counts.ready).toBe(REMEMBERED_REQUESTS + more);
  });
});
