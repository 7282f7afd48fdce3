import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen } from '../../src/base/ports.ts';
import { graphMessage } from '../../src/cloud/graphMessage.ts';
import { type MessageType, mediaReferences } from '../../src/onprem/messages.ts';
import { eventually } from '../support/eventually.ts';
import {
  answerDeviations,
  type Operation,
  requestDeviations,
  webhookDeviations,
} from '../support/graphSchemas.ts';
import { SimulatedGraph } from '../support/simulatedGraph.ts';

const ANA = '16505550001';
const QUOTED = { from: '16315551000', id: 'gBGGFlBVUAABAgmtmK7Ijjf1AC0' };
const NAME = { formatted_name: 'Ben', first_name: 'Ben' };

/** A message of each type of `/v1/messages`. */
const MESSAGES: Readonly<Record<MessageType, readonly object[]>> = {
  text: [{ body: 'https://shop.example' }],
  image: [{ link: 'https://shop.example/a.png', caption: 'A' }],
  video: [{ link: 'https://shop.example/a.mp4', caption: 'A' }],
  document: [{ link: 'https://shop.example/a.pdf', filename: 'a.pdf' }],
  audio: [{ link: 'https://shop.example/a.ogg' }],
  sticker: [{ link: 'https://shop.example/a.webp' }],
  location: [{ latitude: 52.5, longitude: 13.4, name: 'Shop', address: 'Street 1' }],
  contacts: [[{ name: NAME, phones: [{ phone: '+16505550002', type: 'HOME', wa_id: '16505550002' }] }]],
  template: [
    {
      namespace: 'n',
      name: 'order',
      language: { policy: 'deterministic', code: 'en' },
      components: [{ type: 'body', parameters: [{ type: 'text', text: '7' }] }],
    },
  ],
  hsm: [{ namespace: 'n', element_name: 'order', localizable_params: [{ default: '7' }] }],
  reaction: [{ message_id: 'wamid.HBgLMTY1MDU1NTAwMDEVAgARGBI0RTJEOTc2ODVERUY5RDlGNkYA', emoji: '👍' }],
  interactive: [
    {
      type: 'button',
      body: { text: 'Yes?' },
      action: { buttons: [{ type: 'reply', reply: { id: 'y', title: 'Yes' } }] },
    },
    {
      type: 'list',
      header: { type: 'text', text: 'Ours' },
      body: { text: 'Which?' },
      footer: { text: 'All fresh' },
      action: {
        button: 'Choose',
        sections: [{ title: 'A', rows: [{ id: 'a', title: 'A', description: 'a' }] }],
      },
    },
    { type: 'location_request_message', body: { text: 'Where?' }, action: { name: 'send_location' } },
    { type: 'product', body: { text: 'This' }, action: { catalog_id: '1', product_retailer_id: 'a' } },
    {
      type: 'product_list',
      header: { type: 'text', text: 'Ours' },
      body: { text: 'These' },
      action: { catalog_id: '1', sections: [{ title: 'A', product_items: [{ product_retailer_id: 'a' }] }] },
    },
    { type: 'catalog_message', body: { text: 'All' }, action: { name: 'catalog_message' } },
    {
      type: 'flow',
      body: { text: 'Book' },
      action: { name: 'flow', parameters: { flow_message_version: '3', flow_id: '1', flow_cta: 'Book' } },
    },
  ],
};

const translated = Object.entries(MESSAGES).flatMap(([type, contents]) =>
  contents.map((content) => {
    const body = { [type]: content, preview_url: type === 'text' ? true : undefined };
    const media = mediaReferences(body).map((_, index) => String(1_000 + index));
    return graphMessage({ id: 'id', to: ANA, type, body }, { media });
  }),
);

const found = new Set<string>();
const note = (lines: readonly string[]) => {
  for (const line of lines) found.add(line);
};

let graph: SimulatedGraph;
let close: () => void;
const posted: string[] = [];

beforeAll(async () => {
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') posted.push(await textOf(request));
    response.end(new URL(request.url ?? '/', 'http://hook').searchParams.get('hub.challenge') ?? '');
  });
  const port = await listen(server, { host: '127.0.0.1', port: 0 });
  close = () => void server.close();
  graph = await SimulatedGraph.start();
  await graph.openWindows(ANA);
  await graph.network.record({
    type: 'graph-app',
    change: { callback: { url: `http://127.0.0.1:${port}/`, verifyToken: 'x' } },
  });
});
afterAll(async () => {
  await graph?.close();
  close?.();
});

async function call(operation: Operation | undefined, method: string, path: string, body?: object) {
  const isForm = body instanceof FormData;
  const response = await fetch(`${graph.url}/v23.0/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${graph.token}`,
      ...(body && !isForm ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: isForm ? body : JSON.stringify(body) } : {}),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  expect([path, response.status, answer.error]).toEqual([path, 200, undefined]);
  if (operation) {
    note(answerDeviations(operation, answer));
    if (body && !isForm) note(requestDeviations(operation, body));
  }
  return answer;
}

describe('the vendor’s OpenAPI of v23.0', () => {
  it('is met by what the gateway posts for each type of message', () => {
    for (const message of translated) note(requestDeviations('message', message));
  });

  it('is met by the answers of the simulated Graph API', async () => {
    const number = graph.phoneNumberId;
    const account = graph.businessAccountId;
    const product = { messaging_product: 'whatsapp' };
    const sent = translated.filter(({ type }) => type === 'text');
    for (const message of sent) await call('message', 'POST', `${number}/messages`, message);
    const form = new FormData();
    form.set('messaging_product', 'whatsapp');
    form.set('type', 'application/pdf');
    form.set('file', new Blob(['%PDF'], { type: 'application/pdf' }), 'a.pdf');
    const { id } = await call('mediaUpload', 'POST', `${number}/media`, form);
    await call('media', 'GET', String(id));
    await call('mediaRemoval', 'DELETE', String(id));
    await call('number', 'GET', number);
    await call('requestCode', 'POST', `${number}/request_code`, { code_method: 'SMS', language: 'en_US' });
    const { code } = graph.network.state.known(graph.number).graph ?? {};
    await call('verifyCode', 'POST', `${number}/verify_code`, { code });
    await call('deregister', 'POST', `${number}/deregister`);
    await call('register', 'POST', `${number}/register`, { ...product, pin: '123456' });
    await call('profileChange', 'POST', `${number}/whatsapp_business_profile`, { ...product, about: 'Open' });
    await call('profile', 'GET', `${number}/whatsapp_business_profile?fields=about`);
    await call('blockUsers', 'POST', `${number}/block_users`, {
      ...product,
      block_users: [{ user: '+1650' + '5550099' }],
    });
    await call('subscribe', 'POST', `${account}/subscribed_apps`, {});
    await call('subscription', 'GET', `${account}/subscribed_apps`);
    await graph.network.setTemplates(graph.number, [
      { namespace: 'n', name: 'order', language: 'en', status: 'approved', body: 'Order {{1}}' },
    ]);
    await call('templates', 'GET', `${account}/message_templates`);
    await call('unsubscribe', 'DELETE', `${account}/subscribed_apps`);
    await call('subscribe', 'POST', `${account}/subscribed_apps`, {});
  });

  it('is met by the webhooks of the simulated Graph API', async () => {
    const { network } = graph;
    const bytes = { data: Buffer.from('x').toString('base64'), mime_type: 'image/jpeg' };
    await graph.say(ANA, { type: 'text', text: 'Hi', profileName: 'Ana' });
    for (const type of ['image', 'video', 'document', 'audio', 'voice', 'sticker'])
      await graph.say(ANA, { type, ...bytes });
    await graph.say(ANA, { type: 'location', location: { latitude: 52.5, longitude: 13.4 } });
    await graph.say(ANA, { type: 'contacts', contacts: [{ name: NAME }] });
    await graph.say(ANA, { type: 'button', button: { text: 'Yes', payload: 'y' }, context: QUOTED });
    await graph.say(ANA, {
      type: 'interactive',
      interactive: { type: 'button_reply', button_reply: { id: 'y', title: 'Yes' } },
      context: QUOTED,
    });
    await graph.say(ANA, {
      type: 'reaction',
      reaction: { message_id: 'ABGGFlA5FpafAgo6tHOGFlA5', emoji: '👍' },
    });
    await graph.say(ANA, { type: 'poll', poll: {} });
    const text = { messaging_product: 'whatsapp', type: 'text', text: { body: 'Hi' } };
    for (const to of [`+${ANA}`, '+16505550077'])
      await call(undefined, 'POST', `${graph.phoneNumberId}/messages`, {
        ...text,
        to,
        biz_opaque_callback_data: 'x',
      });
    await eventually(() => network.state.outgoing.size === 0);
    await network.people.changeNumber(ANA, '16505550088');
    await graph.settled();
    expect(posted.length).toBeGreaterThan(10);
    for (const body of posted) note(webhookDeviations(JSON.parse(body)));
  });

  it('is missed only where the list says why', async () => {
    const known = JSON.parse(await readFile('test/openapi/deviations.json', 'utf8')) as Record<
      string,
      string
    >;
    // With SHOW_DEVIATIONS=1 they are printed.
    if (process.env.SHOW_DEVIATIONS) process.stdout.write(`${JSON.stringify([...found].sort(), null, 1)}\n`);
    expect([...found].sort()).toEqual(Object.keys(known).sort());
    expect(Object.values(known).every((why) => why.length > 10)).toBe(true);
  });
});
