import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { actions } from '../onprem/interactiveMessage.ts';
import {
  type MessageType,
  mediaReferences,
  messageBody,
  messageId,
  sendRequest,
} from '../onprem/messages.ts';
import type { MessageStatus } from '../onprem/webhook.ts';
import { isRetried, knownGraphCodes, statusError } from './graphErrors.ts';
import { graphEvents } from './graphEvents.ts';
import { graphMessage } from './graphMessage.ts';
import { messageChanges } from './graphWebhook.ts';
import { cloudId, onPremisesId } from './messageIds.ts';

/**
 * What `/v1` says and what the Cloud API says, side by side. The types of the tables are those of the API, so that a type that
 * is added has to have a pair; so has each error of `graphErrors.ts`.
 */

const ANA = '16505550001';
const ID = messageId('outbound', ANA, (count) => Buffer.alloc(count, 7));
const QUOTED = messageId('inbound', ANA, (count) => Buffer.alloc(count, 9));
const language = { policy: 'deterministic', code: 'en' };
const card = [{ name: { formatted_name: 'Ana B', first_name: 'Ana' } }];
const body = { text: 'Choose' };

interface Pair {
  readonly v1: object;
  /** The type of the Graph message, and its content. */
  readonly graph: Readonly<Record<string, unknown>> & { readonly type: string };
}
const same = (type: string, content: unknown): Pair => ({
  v1: { type, [type]: content },
  graph: { type, [type]: content },
});
const media = (type: string, more: object = {}): Pair => ({
  v1: { type, [type]: { id: 'here', ...more } },
  graph: { type, [type]: { id: 'there', ...more } },
});

const MESSAGES: Readonly<Record<Exclude<MessageType, 'interactive'>, Pair>> = {
  text: {
    v1: { type: 'text', preview_url: true, text: { body: 'https://x.example' } },
    graph: { type: 'text', text: { body: 'https://x.example', preview_url: true } },
  },
  image: media('image', { caption: 'New' }),
  video: media('video', { caption: 'New' }),
  document: media('document', { filename: 'p.pdf' }),
  audio: media('audio'),
  sticker: media('sticker'),
  location: same('location', { latitude: 1.5, longitude: -2, name: 'Shop' }),
  contacts: same('contacts', card),
  template: {
    v1: { type: 'template', template: { namespace: 'ns', name: 'offer', language } },
    graph: { type: 'template', template: { name: 'offer', language: { code: 'en' } } },
  },
  hsm: {
    v1: {
      type: 'hsm',
      hsm: { namespace: 'ns', element_name: 'offer', language, localizable_params: [{ default: 'Ana' }] },
    },
    graph: {
      type: 'template',
      template: {
        name: 'offer',
        language: { code: 'en' },
        components: [{ type: 'body', parameters: [{ type: 'text', text: 'Ana' }] }],
      },
    },
  },
  reaction: {
    v1: { type: 'reaction', reaction: { message_id: QUOTED, emoji: '👍' } },
    graph: { type: 'reaction', reaction: { message_id: cloudId(QUOTED), emoji: '👍' } },
  },
};

const INTERACTIVE: Readonly<Record<keyof typeof actions, object>> = {
  list: { body, action: { button: 'Show', sections: [{ title: 'All', rows: [{ id: '1', title: 'One' }] }] } },
  button: { body, action: { buttons: [{ type: 'reply', reply: { id: 'y', title: 'Yes' } }] } },
  product: { action: { catalog_id: 'c', product_retailer_id: 'p' } },
  product_list: {
    header: { type: 'text', text: 'Shop' },
    body,
    action: {
      catalog_id: 'c',
      sections: [{ title: 'All', product_items: [{ product_retailer_id: 'p' }] }],
    },
  },
  catalog_message: { body, action: { name: 'catalog_message' } },
  flow: {
    body,
    action: {
      name: 'flow',
      parameters: {
        flow_message_version: '3',
        flow_token: 't',
        flow_id: '1',
        flow_cta: 'Open',
        flow_action: 'data_exchange',
      },
    },
  },
  address_message: { body, action: { name: 'address_message', parameters: { country: 'IN' } } },
  location_request_message: { body, action: { name: 'send_location' } },
  // Of their parameters the reference says nothing: they go as they are.
  order_details: {
    body,
    action: {
      name: 'review_and_pay',
      parameters: {
        reference_id: 'order-1',
        currency: 'INR',
        total_amount: { value: 21_000, offset: 100 },
        order: { status: 'pending', items: [{ retailer_id: 'p', name: 'Tea', quantity: 1 }] },
      },
    },
  },
  order_status: {
    body,
    action: {
      name: 'review_order',
      parameters: { reference_id: 'order-1', order: { status: 'shipped', description: 'On its way' } },
    },
  },
};

const translated = (v1: object, to: object = { to: `+${ANA}` }) => {
  const message = sendRequest.parse({ ...to, ...v1 });
  const stored = messageBody(message);
  return graphMessage(
    { id: ID, to: ANA, type: message.type, body: stored },
    { media: mediaReferences(stored).map(() => 'there') },
  );
};
const envelope = {
  messaging_product: 'whatsapp',
  recipient_type: 'individual',
  biz_opaque_callback_data: ID,
};

describe('a request of /v1/messages and the Graph request that it becomes', () => {
  it.each(Object.entries(MESSAGES))('of type %s', (_, { v1, graph }) => {
    expect(translated(v1)).toEqual({ ...envelope, to: `+${ANA}`, ...graph });
  });

  it.each(Object.entries(INTERACTIVE))('of type interactive, %s', (type, content) => {
    const interactive = { type, ...content };
    const sent = translated({ type: 'interactive', interactive });
    expect(sent).toEqual({ ...envelope, to: `+${ANA}`, type: 'interactive', interactive });
  });

  it('to a person by their id, and with a quote', () => {
    const text = { type: 'text', text: { body: 'Hi' } };
    const sent = translated({ ...text, context: { message_id: QUOTED } }, { recipient: 'US.1a' });
    expect(sent).toEqual({
      ...envelope,
      recipient: 'US.1a',
      ...text,
      context: { message_id: cloudId(QUOTED) },
    });
    // A number goes before an id.
    expect(translated(text, { to: ANA, recipient: 'US.1a' })).toEqual({
      ...envelope,
      to: `+${ANA}`,
      ...text,
    });
  });
});

const NUMBER_ID = '106540352242922';
const eventsOf = (value: object) => {
  const change = { field: 'messages', value: { metadata: { phone_number_id: NUMBER_ID }, ...value } };
  const webhook = { object: 'whatsapp_business_account', entry: [{ id: 'W', changes: [change] }] };
  return messageChanges(webhook, NUMBER_ID).values.flatMap((each) =>
    graphEvents(each, (wamid) => onPremisesId(wamid) ?? wamid),
  );
};
const contacts = [{ wa_id: ANA, user_id: 'US.1a', profile: { name: 'Ana' } }];
const sha256 = 'ab'.repeat(32);
const file = { id: '17', mime_type: 'x/y', sha256: Buffer.from(sha256, 'hex').toString('base64') };

/** Each inbound type: content of the webhook, and type and content of the callback. */
const INBOUND: readonly (readonly [string, object, string, object])[] = [
  ['text', { body: 'Hi' }, 'text', { body: 'Hi' }],
  ['location', { latitude: 1, longitude: 2 }, 'location', { latitude: 1, longitude: 2 }],
  ['contacts', card, 'contacts', card],
  ['button', { payload: 'y', text: 'Yes' }, 'button', { payload: 'y', text: 'Yes' }],
  ['order', { catalog_id: 'c', product_items: [] }, 'order', { catalog_id: 'c', product_items: [] }],
  [
    'interactive',
    { type: 'button_reply', button_reply: { id: 'y', title: 'Yes' } },
    'interactive',
    { type: 'button_reply', button_reply: { id: 'y', title: 'Yes' } },
  ],
  [
    'interactive',
    { type: 'list_reply', list_reply: { id: '1', title: 'One' } },
    'interactive',
    { type: 'list_reply', list_reply: { id: '1', title: 'One' } },
  ],
  [
    'interactive',
    { type: 'nfm_reply', nfm_reply: { name: 'flow', body: 'Sent', response_json: '{}' } },
    'interactive',
    { type: 'nfm_reply', nfm_reply: { name: 'flow', body: 'Sent', response_json: '{}' } },
  ],
  ['reaction', { message_id: cloudId(ID), emoji: '👍' }, 'reaction', { message_id: ID, emoji: '👍' }],
  ['image', { ...file, caption: 'Look' }, 'image', { caption: 'Look' }],
  ['video', file, 'video', {}],
  ['document', { ...file, filename: 'a.pdf' }, 'document', { filename: 'a.pdf' }],
  ['sticker', { ...file, animated: true }, 'sticker', {}],
  ['audio', { ...file, voice: false }, 'audio', {}],
  ['audio', { ...file, voice: true }, 'voice', {}],
];

describe('a message in a Graph webhook and the message that the stack is told', () => {
  it.each(INBOUND)('of type %s %j', (type, content, toldType, told) => {
    const wamid = cloudId(QUOTED) ?? '';
    const head = { from: ANA, from_user_id: 'US.1a', id: wamid, timestamp: '1700000000' };
    const [event] = eventsOf({ contacts, messages: [{ ...head, type, group_id: 'g', [type]: content }] });
    expect(event).toMatchObject({
      kind: 'inbound',
      person: { waId: ANA, userId: 'US.1a' },
      profileName: 'Ana',
      message: { id: QUOTED, timestamp: '1700000000', type: toldType, group_id: 'g', [toldType]: told },
    });
    const isMedia = 'mime_type' in content;
    expect(event).toHaveProperty('media', isMedia ? { graphId: '17', type: 'x/y', sha256 } : undefined);
  });
});

/** Statuses of the Cloud API; undefined: it is not told. */
const STATUSES: Readonly<Record<string, MessageStatus | undefined>> = {
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  failed: 'failed',
  played: undefined,
};

describe('a status in a Graph webhook and the status that the stack is told', () => {
  it.each(Object.entries(STATUSES))('%s is told as %s', (status, told) => {
    const pricing = { billable: true, pricing_model: 'PMP', type: 'regular', category: 'utility' };
    const events = eventsOf({
      statuses: [
        { id: 'wamid.x', status, timestamp: '1', recipient_id: ANA, biz_opaque_callback_data: ID, pricing },
      ],
    });
    expect(events.map((event) => event.kind === 'status' && [event.status, event.messageId])).toEqual(
      told === undefined ? [] : [[told, ID]],
    );
  });
});

/** By Cloud code, what a callback says. Source: docs/onprem/cloud-migration.md §10, §17.6. */
const ERRORS: Readonly<Record<number, number>> = {
  0: 1005,
  4: 429,
  10: 1005,
  33: 1006,
  100: 1009,
  190: 1005,
  368: 1031,
  80007: 429,
  130403: 1013,
  130429: 429,
  130472: 472,
  130497: 1031,
  131000: 500,
  131005: 1005,
  131008: 1008,
  131009: 1009,
  131016: 1011,
  131021: 1021,
  131026: 1013,
  131031: 1031,
  131037: 1031,
  131042: 402,
  131043: 410,
  131045: 430,
  131047: 470,
  131048: 471,
  131049: 1013,
  131050: 1013,
  131051: 501,
  131052: 400,
  131053: 400,
  131055: 2001,
  131056: 500,
  131057: 1011,
  131062: 1013,
  131063: 2001,
  131064: 471,
  132000: 2000,
  132001: 2001,
  132005: 2005,
  132007: 2006,
  132012: 2012,
  132015: 2061,
  132016: 2062,
  132018: 2012,
  132068: 2068,
  132069: 2069,
  133010: 500,
  134011: 402,
  134100: 2001,
  134101: 2001,
  134102: 2001,
  137000: 480,
};
/** `may be repeated` in §17.6 without 133016, which is of the register call; a token and a registration end other waits. */
const REPEATED = [4, 80007, 130429, 131048, 131056, 131016, 131053, 131057, 190, 133010];

describe('an error of Graph and the error that the stack is told', () => {
  it('has a pair for each code that the gateway knows', () => {
    expect([...knownGraphCodes].sort()).toEqual(Object.keys(ERRORS).map(Number).sort());
  });

  it.each(Object.entries(ERRORS).map(([code, told]) => [Number(code), told] as const))(
    '%i is told as %i, in the words of both',
    (code, told) => {
      expect(statusError({ code, title: 'Why' })).toEqual({
        code: told,
        title: expect.stringMatching(/\S/),
        details: `Cloud API ${code}: Why`,
      });
    },
  );

  it.each([1, 2, 3, 135000, 133004])('%i has no counterpart, and is told as 500', (code) => {
    expect(statusError({ code, message: 'Why' })).toMatchObject({
      code: 500,
      details: `Cloud API ${code}: Why`,
    });
  });

  it('is repeated where that is allowed, and never else', () => {
    const repeated = knownGraphCodes.filter((code) => isRetried({ code }));
    expect([...repeated].sort()).toEqual([...REPEATED].sort());
  });
});

describe('random messages', () => {
  const key = fc.uint8Array({ minLength: 9, maxLength: 9 });
  const number = fc.stringMatching(/^[1-9][0-9]{7,13}$/);
  const words = fc.string({ minLength: 1, maxLength: 200 });
  const content = fc.oneof(
    words.map((text) => ({ type: 'text', text: { body: text } })),
    fc
      .record({
        latitude: fc.double({ min: -90, max: 90, noNaN: true }),
        longitude: fc.double({ min: -180, max: 180, noNaN: true }),
      })
      .map((location) => ({ type: 'location', location })),
    words.map((caption) => ({ type: 'image', image: { id: 'here', caption } })),
    words.map((text) => ({
      type: 'interactive',
      interactive: {
        type: 'location_request_message',
        body: { text: text.slice(0, 100) },
        action: { name: 'send_location' },
      },
    })),
  );

  it('come back on their statuses by the id of the stack, whoever they went to', () => {
    fc.assert(
      fc.property(number, key, content, (to, bytes, v1) => {
        const id = messageId('outbound', to, () => bytes);
        const message = sendRequest.parse({ to, ...v1 });
        const graph = graphMessage(
          { id, to, type: message.type, body: messageBody(message) },
          { media: mediaReferences(v1).map(() => 'there') },
        );
        expect(graph.to).toBe(`+${to}`);
        const { biz_opaque_callback_data } = graph;
        const status = { id: 'wamid.x', status: 'delivered', timestamp: '1', recipient_id: to };
        const [event] = eventsOf({ statuses: [{ ...status, biz_opaque_callback_data }] });
        expect(event).toMatchObject({ messageId: id, person: { waId: to } });
      }),
    );
  });

  it('that a person sends back as they came are told as they were sent', () => {
    fc.assert(
      fc.property(number, fc.uint8Array({ minLength: 10, maxLength: 10 }), content, (from, bytes, v1) => {
        const { type } = v1;
        if (type === 'image') return;
        const id = messageId('inbound', from, () => bytes);
        const message = sendRequest.parse({ to: from, ...v1 });
        const graph = graphMessage({ id: ID, to: from, type, body: messageBody(message) }, { media: [] });
        const head = { from, id: cloudId(id) ?? '', timestamp: '1' };
        const [event] = eventsOf({ messages: [{ ...head, type, [type]: graph[type] }] });
        expect(event).toMatchObject({ message: { id, type, [type]: (message as never)[type] } });
      }),
    );
  });
});
