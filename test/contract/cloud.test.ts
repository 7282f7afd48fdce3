import { createHmac } from 'node:crypto';
import { text as textOf } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { startCloudStack } from '../support/cloudStack.ts';
import { eventually } from '../support/eventually.ts';
import { GraphDouble, type GraphDoubleOptions, type GraphFate } from '../support/graphDouble.ts';

const never = new AbortController().signal;
const ANA = '16505550001';

type Stack = Awaited<ReturnType<typeof startCloudStack>>;
let closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.reverse()) await close();
  closers = [];
});

async function start(
  options: GraphDoubleOptions = {},
  variables: Record<string, string> = {},
  prepare: (graph: GraphDouble) => void = () => {},
): Promise<{ graph: GraphDouble; stack: Stack }> {
  const graph = await GraphDouble.start(options);
  closers.push(() => graph.close());
  prepare(graph);
  const stack = await startCloudStack(graph, variables);
  closers.push(() => stack.close());
  await eventually(() => graph.subscription);
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
    await eventually(() => statusesOf(stack, id).includes('delivered'));
    expect(statusesOf(stack, id).sort()).toEqual(['delivered', 'sent']);
    expect(graph.accepted.map(({ message }) => message)).toMatchObject([
      { to: `+${ANA}`, type: 'text', text: { body: 'Hi' }, biz_opaque_callback_data: id },
    ]);
    expect(stack.statuses()[0]).toMatchObject({
      recipient_id: ANA,
      pricing: { billable: true, pricing_model: 'PMP', category: 'service' },
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
    await send(stack, document, '16505550002');
    await eventually(() => graph.accepted.length === 2);
    expect([...graph.media.values()]).toEqual([{ type: 'application/pdf', bytes }]);
    const [uploaded] = graph.media.keys();
    expect(graph.accepted[0]?.message.document).toEqual({
      id: uploaded,
      filename: 'prices.pdf',
      caption: 'New',
    });
  });

  it('hands over what people write: text, voice with its bytes, what they quote, and an unknown type', async () => {
    const { graph, stack } = await start();
    const sent = await send(stack, text('Which one?'));
    await eventually(() => graph.accepted[0]);
    const voice = graph.keep(Buffer.from('OggS a voice'), 'audio/ogg; codecs=opus');
    await graph.say(ANA, { type: 'text', text: { body: 'Grüße 👋' }, userId: 'US.abc' });
    await graph.say(ANA, { type: 'audio', audio: { ...voice, voice: true } });
    await graph.say(ANA, {
      type: 'text',
      text: { body: 'That one' },
      context: { from: graph.number, id: graph.accepted[0]?.wamid },
    });
    await graph.say(ANA, { type: 'unsupported', errors: [{ code: 131051, title: 'Unsupported' }] });
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
    const wamid = await graph.say(ANA, { type: 'text', text: { body: 'Hi' } });
    const message = await eventually(() => stack.messages()[0]);
    await stack.client.messages.markRead(stack.session, message.id, never);
    expect(graph.readMarks).toEqual([wamid]);
    await expect(stack.client.messages.markRead(stack.session, 'nothing', never)).rejects.toMatchObject({
      apiCode: 1006,
    });
  });

  it('tells nothing of messages that another program sent for the number', async () => {
    const { graph, stack } = await start();
    const foreign = { id: 'wamid.foreign', status: 'sent', timestamp: '1', recipient_id: ANA };
    await graph.post({ statuses: [{ ...foreign, biz_opaque_callback_data: 'order 7' }, foreign] });
    const id = await send(stack, text('Hi'));
    await eventually(() => statusesOf(stack, id).length === 2);
    expect(new Set(stack.statuses().map((status) => status.id))).toEqual(new Set([id]));
  });

  it('tells a refusal as the status failed, in both words', async () => {
    const { stack } = await start({ fate: () => ({ code: 131047 }) });
    const id = await send(stack, text('Hi'));
    await eventually(() => statusesOf(stack, id).length > 0);
    expect(stack.statuses().find((status) => status.id === id)).toMatchObject({
      status: 'failed',
      errors: [{ code: 470, title: 'Re-engagement message', details: 'Cloud API 131047: refused' }],
    });
  });

  it.each<[GraphFate, number]>([
    ['accepted-without-answer', 1],
    ['accepted-with-500', 1],
    ['dropped', 1],
  ])('a message that was %s reaches the person exactly once', async (fate, times) => {
    let posts = 0;
    const fates: GraphDoubleOptions = {
      fate: () => {
        posts += 1;
        return posts === 1 ? fate : 'ok';
      },
      delivery: () => ({ afterMs: 200, times: 2 }),
    };
    const { graph, stack } = await start(fates, { WABA_CLOUD_UNKNOWN_OUTCOME_SECONDS: '1' });
    const id = await send(stack, text('Hi'));
    await eventually(() => statusesOf(stack, id).includes('delivered'));
    await graph.settled();
    // Longer than a status may take.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(graph.accepted).toHaveLength(times);
    expect(statusesOf(stack, id).sort()).toEqual(['delivered', 'sent']);
  });

  it('keeps messages while the token is refused, and sends them when the file has another one', async () => {
    const { graph, stack } = await start();
    graph.token = 'token-2';
    const ids = [await send(stack, text('One')), await send(stack, text('Two'))];
    await eventually(() => graph.refusals.includes(190));
    await stack.setToken('token-2');
    await eventually(() => graph.accepted.length === 2);
    expect(graph.accepted.map(({ message }) => message.biz_opaque_callback_data)).toEqual(ids);
  });

  it('keeps to the throughput of the number', async () => {
    // A busy machine bunches what leaves it evenly, so the double allows a little more.
    const { graph, stack } = await start({ throughput: 30 }, { WABA_CLOUD_THROUGHPUT: '20' });
    const people = Array.from({ length: 50 }, (_, index) => `1650555${1000 + index}`);
    await Promise.all(people.map((to) => send(stack, text('Hi'), to)));
    await eventually(() => graph.accepted.length === 50);
    expect(graph.refusals).toEqual([]);
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
    // The laptop verifies the code of its own secrets, so the double takes any.
    const { graph } = await start({}, {}, (double) => {
      double.status = 'PENDING';
    });
    expect(graph.status).toBe('CONNECTED');
    expect(graph.pins).toEqual([expect.stringMatching(/^\d{6}$/)]);
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
    await stack.client.messages.markRead(stack.session, message.id, never);
    expect(graph.readMarks).toEqual(['wamid.unusual']);
    const refused = await fetch(`${url}?hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1`);
    expect(refused.status).toBe(403);
  });
});
