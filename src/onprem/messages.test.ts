import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mediaReferences, messageBody, messageId, peerOfMessageId, sendRequest } from './messages.ts';

const TO = '15550001111';
const card = {
  name: { formatted_name: 'Ana Diaz', first_name: 'Ana' },
  phones: [{ phone: '+1 555', type: 'WORK' }],
};
const template = {
  namespace: 'ns',
  name: 'order_update',
  language: { policy: 'deterministic', code: 'en_US' },
  components: [
    { type: 'header', parameters: [{ type: 'image', image: { link: 'https://files.example.org/h.png' } }] },
    {
      type: 'body',
      parameters: [
        { type: 'text', text: 'Ana' },
        { type: 'currency', currency: { fallback_value: '$100.99', code: 'USD', amount_1000: 100990 } },
        { type: 'date_time', date_time: { fallback_value: '25 February', day_of_week: '7', month: 2 } },
      ],
    },
    {
      type: 'button',
      sub_type: 'quick_reply',
      index: '0',
      parameters: [{ type: 'payload', payload: 'TRACK' }],
    },
  ],
};
const list = {
  type: 'list',
  body: { text: 'Pick one' },
  action: { button: 'Options', sections: [{ title: 'A', rows: [{ id: 'r1', title: 'First' }] }] },
};
const buttons = (...titles: string[]) => ({
  type: 'button',
  body: { text: 'Continue?' },
  action: { buttons: titles.map((title, id) => ({ type: 'reply', reply: { id: String(id), title } })) },
});
const products = (count: number) => ({
  type: 'product_list',
  header: { type: 'text', text: 'Shop' },
  body: { text: 'Take' },
  action: {
    catalog_id: 'c',
    sections: [
      { product_items: Array.from({ length: count }, (_, id) => ({ product_retailer_id: `p${id}` })) },
    ],
  },
});

const GOOD: [string, Record<string, unknown>][] = [
  ['a text without type', { text: { body: 'Hi' } }],
  ['an image by id', { type: 'image', image: { id: 'x', caption: 'c' } }],
  [
    'a document by link and provider',
    { type: 'document', document: { link: 'https://a/b', provider: { name: 'p' }, filename: 'b.pdf' } },
  ],
  ['a sticker', { type: 'sticker', sticker: { id: 'x' } }],
  [
    'a location with numbers as text',
    { type: 'location', location: { latitude: '48.8', longitude: 2.2, name: 'Tower' } },
  ],
  ['contacts', { type: 'contacts', contacts: [card] }],
  ['a template', { type: 'template', template, ttl: 3 }],
  ['a template with ttl as an object', { type: 'template', template, ttl: { days: '3' } }],
  [
    'an hsm',
    {
      type: 'hsm',
      hsm: {
        namespace: 'n',
        element_name: 'e',
        language: template.language,
        localizable_params: [{ default: '$10' }],
      },
    },
  ],
  ['a list', { type: 'interactive', interactive: list }],
  ['buttons', { type: 'interactive', interactive: buttons('Yes', 'No') }],
  ['a product list', { type: 'interactive', interactive: products(30) }],
  [
    'a flow',
    {
      type: 'interactive',
      interactive: {
        type: 'flow',
        body: { text: 'x' },
        action: { name: 'flow', parameters: { flow_message_version: '3', flow_id: '1', flow_cta: 'Go' } },
      },
    },
  ],
  ['a reaction', { type: 'reaction', reaction: { message_id: 'gB', emoji: '👍' } }],
  ['an answer to a message', { type: 'text', text: { body: 'x' }, context: { message_id: 'gB' } }],
  ['fields of the cloud product', { type: 'text', text: { body: 'x' }, messaging_product: 'whatsapp' }],
];

/** The code, or the kind of issue that the API turns into 1008, 1009 and 1010. */
const BAD: [string, Record<string, unknown>, number | string, string][] = [
  ['a long text', { text: { body: 'x'.repeat(4097) } }, 1001, 'text.body'],
  ['an empty text', { text: { body: '' } }, 'too_small', 'text.body'],
  ['no content', { type: 'image' }, 1008, 'image'],
  ['an unknown type', { type: 'fax', fax: {} }, 'invalid_value', 'type'],
  ['a group', { recipient_type: 'group', text: { body: 'x' } }, 1002, ''],
  ['content of two types', { type: 'image', image: { id: 'x' }, text: { body: 'x' } }, 1010, 'text'],
  ['ttl of a text', { text: { body: 'x' }, ttl: 3 }, 1010, 'ttl'],
  ['a ttl of 31 days', { type: 'template', template, ttl: 31 }, 'too_big', 'ttl'],
  ['id and link', { type: 'image', image: { id: 'x', link: 'https://a/b' } }, 1009, 'image'],
  ['a link without http', { type: 'image', image: { link: 'ftp://a/b' } }, 'invalid_format', 'image.link'],
  [
    'a caption of a sticker',
    { type: 'sticker', sticker: { id: 'x', caption: 'c' } },
    'unrecognized_keys',
    'sticker',
  ],
  [
    'a place beyond the pole',
    { type: 'location', location: { latitude: 91, longitude: 0 } },
    'too_big',
    'location.latitude',
  ],
  [
    'a card with formatted_name alone',
    { type: 'contacts', contacts: [{ name: { formatted_name: 'A' } }] },
    'custom',
    'contacts.0.name',
  ],
  [
    'a template without namespace',
    { type: 'template', template: { ...template, namespace: undefined } },
    1008,
    'template.namespace',
  ],
  [
    'a parameter without its content',
    {
      type: 'template',
      template: { ...template, components: [{ type: 'body', parameters: [{ type: 'text' }] }] },
    },
    2012,
    'template.components.0.parameters.0.text',
  ],
  [
    'a parameter with a line break',
    {
      type: 'template',
      template: { ...template, components: [{ type: 'body', parameters: [{ type: 'text', text: 'a\nb' }] }] },
    },
    2006,
    'template.components.0.parameters.0.text',
  ],
  [
    'a long header',
    {
      type: 'template',
      template: {
        ...template,
        components: [{ type: 'header', parameters: [{ type: 'text', text: 'x'.repeat(61) }] }],
      },
    },
    2004,
    'template.components.0.parameters.0.text',
  ],
  [
    'no sections',
    { type: 'interactive', interactive: { ...list, action: { button: 'B', sections: [] } } },
    2015,
    'interactive.action.sections',
  ],
  [
    'no rows',
    { type: 'interactive', interactive: { ...list, action: { button: 'B', sections: [{ title: 'A' }] } } },
    2016,
    'interactive.action.sections.0.rows',
  ],
  [
    'four buttons',
    { type: 'interactive', interactive: buttons('a', 'b', 'c', 'd') },
    'too_big',
    'interactive.action.buttons',
  ],
  [
    'buttons of one title',
    { type: 'interactive', interactive: buttons('a', 'a') },
    1009,
    'interactive.action.buttons',
  ],
  ['31 products', { type: 'interactive', interactive: products(31) }, 2023, 'interactive.action.sections'],
  [
    'a header of a list that is no text',
    { type: 'interactive', interactive: { ...list, header: { type: 'image', image: { id: 'x' } } } },
    2036,
    'interactive.header',
  ],
];

describe('a message to send', () => {
  it.each(GOOD)('may be %s', (_, message) => {
    const parsed = sendRequest.safeParse({ to: TO, ...message });
    expect(parsed.error?.issues).toBeUndefined();
    const { type } = parsed.data ?? { type: 'text' };
    expect(messageBody(parsed.data as never)).toMatchObject({ [type]: message[type] });
  });

  it.each(BAD)('must not have %s', (_, message, code, path) => {
    const [issue] = sendRequest.safeParse({ to: TO, ...message }).error?.issues ?? [];
    const params = (issue as { params?: { apiCode?: number } } | undefined)?.params;
    expect([params?.apiCode ?? issue?.code, issue?.path.join('.')]).toEqual([code, path]);
  });

  it('refers to media wherever it stands', () => {
    expect(mediaReferences({ type: 'image', image: { id: 'a' } })).toEqual([{ kind: 'image', id: 'a' }]);
    expect(mediaReferences({ type: 'template', template })).toEqual([
      { kind: 'image', link: 'https://files.example.org/h.png' },
    ]);
    expect(mediaReferences({ type: 'text', text: { body: 'image' } })).toEqual([]);
  });

  it('gets an id that names its peer', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[1-9][0-9]{5,14}$/), (waId) => {
        for (const direction of ['outbound', 'inbound'] as const)
          expect(peerOfMessageId(messageId(direction, waId, (count) => new Uint8Array(count)))).toBe(waId);
      }),
    );
    expect(peerOfMessageId('gBGGEgZHMlEfAgkM1RBkhDRr7t8')).toBe('12064732511');
    expect(peerOfMessageId('nonsense')).toBeUndefined();
  });
});
