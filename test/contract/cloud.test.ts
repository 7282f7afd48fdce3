import { createHash, createHmac } from 'node:crypto';
import { text as textOf } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import type { GraphFault } from '../../src/stack/network/graphFaults.ts';
import { startCloudStack } from '../support/cloudStack.ts';
import { eventually } from '../support/eventually.ts';
import { SimulatedGraph, type SimulatedGraphOptions } from '../support/simulatedGraph.ts';

const never = new AbortController().signal;
const ANA = '16505550001';
const BEN = '16505550002';

type Stack = Awaited<ReturnType<typeof startCloudStack>>;
let closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.reverse()) await close();
  closers = [];
});

const people = Array.from({ length: 50 }, (_, index) => `1650555${1000 + index}`);

async function start(
  options: SimulatedGraphOptions = {},
  variables: Record<string, string> = {},
): Promise<{ graph: SimulatedGraph; stack: Stack }> {
  const graph = await SimulatedGraph.start(options);
  closers.push(() => graph.close());
  await graph.openWindows(ANA, BEN, ...people);
  const stack = await startCloudStack(graph, variables);
  closers.push(() => stack.close());
  await eventually(() => graph.isSubscribed);
  return { graph, stack };
}
const send = ({ client, session }: Stack, message: object, to = ANA) =>
  client.messages.send(session, { to, ...message }, never);
const text = (body: string) => ({ type: 'text', text: { body } });
const statusesOf = (stack: Stack, id: string) =>
  stack
    .statuses()
    .filter((status) => status.id === id)
    .map(({ status }) => status);

const idOf = (content: unknown) => (content as { readonly id: string }).id;

describe('a stack with the Cloud API behind it', () => {
  it('sends a message, and tells its statuses by its own id', async () => {
    const { graph, stack } = await start();
    const id = await send(stack, text('Hi'));
    await eventually(() => statusesOf(stack, id).includes('read'));
    expect(statusesOf(stack, id).sort()).toEqual(['delivered', 'read', 'sent']);
    const posts = graph.network.requests.all().filter(({ path }) => path.endsWith('/messages'));
    expect(posts.map(({ body }) => body)).toMatchObject([
      { to: `+${ANA}`, type: 'text', text: { body: 'Hi' }, biz_opaque_callback_data: id },
    ]);
    expect(stack.statuses()[0]).toMatchObject({
      recipient_id: ANA,
      pricing: { billable: false, pricing_model: 'PMP', category: 'service' },
    });
  });

  it('uploads media once, whether it was uploaded here or is linked', async () => {
    const { graph, stack } = await start();
    const bytes = Buffer.from('%PDF-1.4 the price list');
    const mediaId = await stack.client.media.upload(
      stack.session,
      bytes.toString(),
      'application/pdf',
      never,
    );
    const document = { type: 'document', document: { id: mediaId, filename: 'prices.pdf', caption: 'New' } };
    await send(stack, document);
    await send(stack, document, BEN);
    await eventually(() => graph.accepted.length === 2);
    const [[uploaded, media] = [], ...others] = [...graph.network.state.graph.media];
    expect(others).toEqual([]);
    expect(media).toMatchObject({
      type: 'application/pdf',
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    expect(graph.accepted[0]?.content.document).toEqual({
      id: uploaded,
      filename: 'prices.pdf',
      caption: 'New',
    });
  });

  it('hands over what people write: text, voice with its bytes, what they quote, and an unknown type', async () => {
    const { graph, stack } = await start();
    const sent = await send(stack, text('Which one?'));
    await eventually(() => graph.accepted[0]);
    await graph.network.setUserId(ANA, { userId: 'US.abc' });
    await eventually(() => graph.network.state.known(graph.number).changes?.length === 0);
    await graph.say(ANA, { type: 'text', text: 'Grüße 👋', profileName: 'Ana' });
    await graph.say(ANA, {
      type: 'voice',
      data: Buffer.from('OggS a voice').toString('base64'),
      mime_type: 'audio/ogg; codecs=opus',
    });
    await graph.say(ANA, {
      type: 'text',
      text: 'That one',
      context: { from: graph.number, id: graph.accepted[0]?.wamid },
    });
    await graph.say(ANA, { type: 'poll', poll: {} });
    await eventually(() => stack.messages().length === 4);
    // Those with media come when their bytes are here.
    const about = (mark: string) =>
      stack.messages().find((message) => JSON.stringify(message).includes(mark));
    const [greeting, spoken] = [about('Grüße'), about('voice')];
    const [answer, unknown] = [about('That one'), about('501')];
    expect(greeting).toMatchObject({
      from: ANA,
      from_bsuid: 'US.abc',
      type: 'text',
      text: { body: 'Grüße 👋' },
    });
    expect(spoken).toMatchObject({ type: 'voice', voice: { mime_type: 'audio/ogg; codecs=opus' } });
    const media = await stack.client.media.download(stack.session, idOf(spoken?.voice), never);
    expect(media && (await textOf(media.content))).toBe('OggS a voice');
    expect(answer).toMatchObject({ context: { from: graph.number, id: sent } });
    expect(unknown).toMatchObject({ type: 'unknown', errors: [{ code: 501 }] });
    expect(stack.callbacks.find(({ contacts }) => contacts)?.contacts).toEqual([
      { wa_id: ANA, user_id: 'US.abc', profile: { name: 'Ana' } },
    ]);
  });

  it('marks a person’s message as read by its Cloud id, and knows no other', async () => {
    const { graph, stack } = await start();
    const wamid = await graph.say(ANA, { type: 'text', text: 'Hi' });
    const message = await eventually(() => stack.messages()[0]);
    await stack.client.messages.markRead(stack.session, message.id, never);
    expect(graph.isRead(wamid)).toBe(true);
    await expect(stack.client.messages.markRead(stack.session, 'nothing', never)).rejects.toMatchObject({
      apiCode: 1006,
    });
  });

  it('tells nothing of messages that another program sent for the number', async () => {
    const { graph, stack } = await start();
    const foreign = { id: 'wamid.foreign', status: 'sent', timestamp: '1', recipient_id: ANA };
    await graph.tell({ statuses: [{ ...foreign, biz_opaque_callback_data: 'order 7' }, foreign] });
    const id = await send(stack, text('Hi'));
    await eventually(() => statusesOf(stack, id).length === 3);
    expect(new Set(stack.statuses().map((status) => status.id))).toEqual(new Set([id]));
  });

  it('tells a refusal as the status failed, in both words', async () => {
    const { graph, stack } = await start();
    graph.setFaults({ path: '*/messages', code: 131026 });
    const id = await send(stack, text('Hi'));
    await eventually(() => statusesOf(stack, id).length > 0);
    expect(stack.statuses().find((status) => status.id === id)).toMatchObject({
      status: 'failed',
      errors: [
        {
          code: 1013,
          title: 'User is not valid',
          details: 'Cloud API 131026: (#131026) Message undeliverable: Set at the control port',
        },
      ],
    });
  });

  it('tells what fails after it was accepted: here the window is closed', async () => {
    const { stack } = await start();
    const id = await send(stack, text('Hi'), '16505559999');
    await eventually(() => statusesOf(stack, id).length > 0);
    expect(stack.statuses().find((status) => status.id === id)).toMatchObject({
      status: 'failed',
      errors: [{ code: 470, title: 'Re-engagement message', details: expect.stringContaining('131047') }],
    });
  });

  it.each<[string, Partial<GraphFault>]>([
    ['accepted without an answer', { cut: true, isServed: true }],
    ['accepted with the answer 500', { status: 500, isServed: true }],
    ['cut off before it was accepted', { cut: true }],
    ['refused by servers that are not ready', { code: 131016 }],
  ])('a message that was %s reaches the person exactly once', async (_, fault) => {
    const { graph, stack } = await start({}, { WABA_CLOUD_UNKNOWN_OUTCOME_SECONDS: '1' });
    graph.setFaults({ path: '*/messages', times: 1, ...fault });
    graph.setWebhookFaults({ kind: 'statuses', delayMs: 200, repeats: 1 });
    const id = await send(stack, text('Hi'));
    await eventually(() => statusesOf(stack, id).includes('delivered'));
    await graph.settled();
    // Longer than a status may take.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(graph.accepted).toHaveLength(1);
    expect(statusesOf(stack, id).sort()).toEqual(['delivered', 'read', 'sent']);
  });

  it('keeps messages while the token is refused, and sends them when the file has another one', async () => {
    const { graph, stack } = await start();
    await graph.setToken('token-2');
    const ids = [await send(stack, text('One')), await send(stack, text('Two'))];
    await eventually(() => graph.refusals.includes(190));
    await stack.setToken('token-2');
    await eventually(() => graph.accepted.length === 2);
    expect(graph.accepted.map(({ opaque }) => opaque)).toEqual(ids);
  });

  it('keeps to the throughput of the number', async () => {
    const arrivals: number[] = [];
    const onAccepted = () => void arrivals.push(performance.now());
    const { graph, stack } = await start({ onAccepted }, { WABA_CLOUD_THROUGHPUT: '20' });
    await Promise.all(people.map((to) => send(stack, text('Hi'), to)));
    await eventually(() => graph.accepted.length === 50);
    expect(graph.refusals).toEqual([]);
    // 20 may go at once; a busy machine only spreads them further.
    expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(1_300);
  });

  it('refuses what the Cloud API cannot do, and says why', async () => {
    const { stack } = await start();
    const template = { namespace: 'n', name: 't', language: { policy: 'deterministic', code: 'en' } };
    await expect(send(stack, { type: 'template', template, ttl: 1 })).rejects.toThrow(
      /ttl: the Cloud API has no time to live/,
    );
    await send(stack, { type: 'template', template, ttl: 30 });
  });

  it('registers a number that is not connected with a code and the PIN', async () => {
    const { graph } = await start({ status: 'PENDING', takesAnyCode: true });
    const number = graph.network.state.known(graph.number);
    expect(number.graph).toMatchObject({ status: 'CONNECTED', isVerified: true });
    expect(number.pin).toMatch(/^\d{6}$/);
  });

  it('takes a webhook only with the signature, and drops what it repeats', async () => {
    const { graph, stack } = await start();
    const url = `http://127.0.0.1:${stack.webhookPort}/webhook`;
    const value = {
      metadata: { phone_number_id: graph.phoneNumberId },
      messages: [
        { from: ANA, id: 'wamid.unusual', timestamp: '1700000000', type: 'text', text: { body: 'Hi' } },
      ],
    };
    const body = JSON.stringify({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: 'x',
          changes: [
            { field: 'messages', value },
            { field: 'other', value: {} },
          ],
        },
      ],
    });
    const post = async (signature: string) =>
      (await fetch(url, { method: 'POST', headers: { 'x-hub-signature-256': signature }, body })).status;
    const signed = `sha256=${createHmac('sha256', graph.appSecret).update(body).digest('hex')}`;
    expect(await post('sha256=00')).toBe(401);
    expect(await post(signed)).toBe(200);
    expect(await post(signed)).toBe(200);
    const message = await eventually(() => stack.messages()[0]);
    expect(stack.messages()).toHaveLength(1);
    // Its id is of no known structure, and still marks it as read.
    await stack.client.messages.markRead(stack.session, message.id, never).catch(() => {});
    const marks = graph.network.requests
      .all()
      .flatMap(({ body }) => (body as { message_id?: string })?.message_id ?? []);
    expect(marks).toEqual(['wamid.unusual']);
    const refused = await fetch(`${url}?hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1`);
    expect(refused.status).toBe(403);
  });
});
