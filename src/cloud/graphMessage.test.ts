import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mediaReferences, messageBody, sendRequest } from '../onprem/messages.ts';
import { graphMessage } from './graphMessage.ts';
import { cloudId } from './messageIds.ts';

const ID = 'gBGGFlBVAREBAgkABwgJAAECAwQ';
const QUOTED = 'ABEGFlBVAREBAgoHBgUEAwIBAAkI';

/** What a request of `/v1/messages` becomes. */
function translated(request: object, media: readonly string[] = []) {
  const message = sendRequest.parse({ to: '+1 650-555-0001', ...request });
  const { messaging_product, recipient_type, biz_opaque_callback_data, to, ...rest } = graphMessage(
    { id: ID, to: '16505550001', type: message.type, body: messageBody(message) },
    { media },
  );
  expect({ messaging_product, recipient_type, biz_opaque_callback_data, to }).toEqual({
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    biz_opaque_callback_data: ID,
    to: '+16505550001',
  });
  return rest;
}

describe('a message of /v1/messages', () => {
  it('of text keeps its preview inside the text', () => {
    expect(translated({ text: { body: 'https://example.org' }, preview_url: true })).toEqual({
      type: 'text',
      text: { body: 'https://example.org', preview_url: true },
    });
  });

  it.each([
    ['image', { id: 'a', caption: 'Hi' }, { id: 'g1', caption: 'Hi' }],
    ['video', { link: 'https://x.example/v.mp4', provider: { name: 'shop' } }, { id: 'g1' }],
    ['document', { link: 'https://x.example/p.pdf', filename: 'p.pdf' }, { id: 'g1', filename: 'p.pdf' }],
    ['audio', { id: 'a' }, { id: 'g1' }],
    ['sticker', { id: 'a' }, { id: 'g1' }],
  ])(
    'of type %s names the upload, whether it was an id, a link or a link of a provider',
    (type, content, expected) => {
      expect(translated({ type, [type]: content }, ['g1'])).toEqual({ type, [type]: expected });
    },
  );

  it('of a template has no namespace and one language, and its media are uploads', () => {
    const template = {
      namespace: 'ns',
      name: 'offer',
      language: { policy: 'deterministic', code: 'en_US' },
      components: [
        { type: 'header', parameters: [{ type: 'image', image: { link: 'https://x.example/i.png' } }] },
        { type: 'body', parameters: [{ type: 'text', text: 'Ana' }] },
      ],
    };
    expect(translated({ type: 'template', template }, ['g1'])).toEqual({
      type: 'template',
      template: {
        name: 'offer',
        language: { code: 'en_US' },
        components: [
          { type: 'header', parameters: [{ type: 'image', image: { id: 'g1' } }] },
          { type: 'body', parameters: [{ type: 'text', text: 'Ana' }] },
        ],
      },
    });
  });

  it('of type hsm is a template', () => {
    const hsm = {
      namespace: 'ns',
      element_name: 'offer',
      language: { policy: 'deterministic', code: 'pt_BR' },
      localizable_params: [
        { default: 'Ana' },
        { default: '$10', currency: { currency_code: 'USD', amount_1000: 10000 } },
        { default: 'today', date_time: { component: { day_of_month: 1 } } },
      ],
    };
    expect(translated({ type: 'hsm', hsm })).toEqual({
      type: 'template',
      template: {
        name: 'offer',
        language: { code: 'pt_BR' },
        components: [
          {
            type: 'body',
            parameters: [
              { type: 'text', text: 'Ana' },
              { type: 'currency', currency: { fallback_value: '$10', code: 'USD', amount_1000: 10000 } },
              { type: 'date_time', date_time: { fallback_value: 'today' } },
            ],
          },
        ],
      },
    });
  });

  it('names messages by their Cloud ids', () => {
    const wamid = cloudId(QUOTED);
    expect(wamid).toMatch(/^wamid\./);
    expect(translated({ text: { body: 'Yes' }, context: { message_id: QUOTED } })).toMatchObject({
      context: { message_id: wamid },
    });
    expect(translated({ type: 'reaction', reaction: { message_id: QUOTED, emoji: '👍' } })).toEqual({
      type: 'reaction',
      reaction: { message_id: wamid, emoji: '👍' },
    });
  });

  it.each([
    ['location', { latitude: 1, longitude: 2, name: 'Here' }],
    ['contacts', [{ name: { formatted_name: 'Ana', first_name: 'Ana' } }]],
    [
      'interactive',
      {
        type: 'button',
        body: { text: 'Well?' },
        action: { buttons: [{ type: 'reply', reply: { id: 'y', title: 'Yes' } }] },
      },
    ],
  ])('of type %s stays as it is', (type, content) => {
    expect(translated({ type, [type]: content })).toEqual({ type, [type]: content });
  });

  it('uses each upload once, in the order in which the stack lists them', () => {
    const media = fc.constantFrom<object>({ id: 'a' }, { link: 'https://x.example/1' });
    const parameter = fc
      .tuple(fc.constantFrom('image', 'video', 'document'), media)
      .map(([type, value]) => ({ type, [type]: value }));
    fc.assert(
      fc.property(fc.array(parameter, { maxLength: 6 }), (parameters) => {
        const body = {
          template: {
            namespace: 'n',
            name: 't',
            language: { code: 'en' },
            components: [{ type: 'header', parameters }],
          },
        };
        const uploads = mediaReferences(body).map((_, index) => `g${index}`);
        const sent = graphMessage({ id: ID, to: '16505550001', type: 'template', body }, { media: uploads });
        expect([...JSON.stringify(sent).matchAll(/"id":"(g\d+)"/g)].map(([, id]) => id)).toEqual(uploads);
        expect(JSON.stringify(sent)).not.toContain('link');
      }),
    );
  });
});
