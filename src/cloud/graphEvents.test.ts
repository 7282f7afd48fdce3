import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { graphEvents } from './graphEvents.ts';
import { isSigned, messageChanges } from './graphWebhook.ts';

const ID = '106540352242922';
const ANA = { profile: { name: 'Ana' }, wa_id: '16505550001' };
const SHA256 = Buffer.from('ab'.repeat(32), 'hex').toString('base64');

const webhook = (value: object, field = 'messages', phoneNumberId = ID) => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: 'WABA',
      changes: [
        {
          field,
          value: {
            messaging_product: 'whatsapp',
            metadata: { display_phone_number: '16315551000', phone_number_id: phoneNumberId },
            ...value,
          },
        },
      ],
    },
  ],
});
const eventsOf = (value: object) =>
  messageChanges(webhook(value), ID).values.flatMap((each) => graphEvents(each, (wamid) => `id of ${wamid}`));
const inbound = (message: object, contacts: readonly object[] = [ANA]) =>
  eventsOf({
    contacts,
    messages: [{ from: '16505550001', id: 'wamid.1', timestamp: '1700000000', ...message }],
  });

describe('a message in a Cloud webhook', () => {
  it.each([
    ['text', { text: { body: 'Hi' } }],
    ['location', { location: { latitude: 1, longitude: 2 } }],
    ['contacts', { contacts: [{ name: { formatted_name: 'Ana' } }] }],
    ['button', { button: { payload: 'yes', text: 'Yes' } }],
    ['interactive', { interactive: { type: 'button_reply', button_reply: { id: 'y', title: 'Yes' } } }],
    ['order', { order: { catalog_id: '1', product_items: [] } }],
  ])('of type %s is the same', (type, content) => {
    expect(inbound({ type, ...content })).toEqual([
      {
        kind: 'inbound',
        wamid: 'wamid.1',
        person: { waId: '16505550001', userId: undefined },
        message: { id: 'id of wamid.1', timestamp: '1700000000', type, ...content },
        profileName: 'Ana',
        media: undefined,
      },
    ]);
  });

  it('with media has their checksum in hex, and no id of Graph', () => {
    const image = {
      id: '17',
      mime_type: 'image/png',
      sha256: SHA256,
      caption: 'Look',
      url: 'https://x.example',
    };
    expect(inbound({ type: 'image', image })).toMatchObject([
      {
        message: { type: 'image', image: { caption: 'Look' } },
        media: { graphId: '17', type: 'image/png', sha256: 'ab'.repeat(32) },
      },
    ]);
    expect(JSON.stringify(inbound({ type: 'image', image })[0])).not.toContain('https://x.example');
  });

  it('that was spoken is of type voice', () => {
    const audio = { id: '17', mime_type: 'audio/ogg', sha256: SHA256, voice: true };
    expect(inbound({ type: 'audio', audio })).toMatchObject([{ message: { type: 'voice', voice: {} } }]);
    expect(inbound({ type: 'audio', audio: { ...audio, voice: false } })).toMatchObject([
      { message: { type: 'audio', audio: {} } },
    ]);
  });

  it('names the messages that it quotes or reacts to by the ids of the stack', () => {
    expect(
      inbound({ type: 'text', text: { body: 'Yes' }, context: { from: '16315551000', id: 'wamid.0' } }),
    ).toMatchObject([{ message: { context: { from: '16315551000', id: 'id of wamid.0' } } }]);
    expect(inbound({ type: 'reaction', reaction: { message_id: 'wamid.0', emoji: '👍' } })).toMatchObject([
      { message: { reaction: { message_id: 'id of wamid.0', emoji: '👍' } } },
    ]);
  });

  it('of a person without a visible number has the business-scoped id', () => {
    const message = { type: 'text', text: { body: 'Hi' }, from: undefined, from_user_id: 'US.abc' };
    expect(inbound(message, [{ user_id: 'US.abc', profile: { name: 'Ana' } }])).toMatchObject([
      { person: { waId: undefined, userId: 'US.abc' }, profileName: 'Ana' },
    ]);
  });

  it('keeps of an ad what the On-Premises product has', () => {
    const referral = {
      source_url: 'https://fb.me/1',
      source_id: '1',
      headline: 'Sale',
      ctwa_clid: 'x',
      image_url: 'y',
    };
    expect(inbound({ type: 'text', text: { body: 'Hi' }, referral })).toMatchObject([
      { message: { referral: { source_url: 'https://fb.me/1', source_id: '1', headline: 'Sale' } } },
    ]);
    expect(JSON.stringify(inbound({ type: 'text', text: { body: 'Hi' }, referral }))).not.toContain(
      'ctwa_clid',
    );
  });

  it('that says that the number has changed is an event of its own', () => {
    const system = { type: 'user_changed_number', body: 'changed', wa_id: '16505550009' };
    expect(inbound({ type: 'system', system }, [])).toEqual([
      {
        kind: 'number-changed',
        wamid: 'wamid.1',
        waId: '16505550001',
        newWaId: '16505550009',
        timestamp: '1700000000',
      },
    ]);
  });
});

describe('a status in a Cloud webhook', () => {
  const status = (more: object) =>
    eventsOf({
      statuses: [
        {
          id: 'wamid.1',
          recipient_id: '16505550001',
          timestamp: '1700000000',
          biz_opaque_callback_data: 'gBGG',
          ...more,
        },
      ],
    });

  it.each(['sent', 'delivered', 'read'])('%s is told by the id of the stack', (name) => {
    expect(status({ status: name })).toMatchObject([
      { kind: 'status', messageId: 'gBGG', person: { waId: '16505550001' }, status: name, errors: [] },
    ]);
  });

  it('failed has an On-Premises error', () => {
    const errors = [{ code: 131026, title: 'Message undeliverable', error_data: { details: 'No phone' } }];
    expect(status({ status: 'failed', errors })).toMatchObject([
      { errors: [{ code: 1013, details: 'Cloud API 131026: Message undeliverable: No phone' }] },
    ]);
  });

  it('that has no counterpart is left out', () => {
    expect(status({ status: 'played' })).toEqual([]);
  });

  it('keeps the price', () => {
    const pricing = { billable: true, pricing_model: 'PMP', type: 'regular', category: 'marketing' };
    expect(status({ status: 'sent', pricing })).toMatchObject([
      { billing: { pricing: { billable: true, pricing_model: 'PMP', category: 'marketing' } } },
    ]);
  });
});

describe('a webhook', () => {
  it('counts changes of other kinds and of other numbers apart', () => {
    expect(messageChanges(webhook({}, 'template_status'), ID)).toEqual({ values: [], others: 1 });
    expect(messageChanges(webhook({}, 'messages', '1'), ID)).toEqual({ values: [], others: 1 });
  });

  it('of another shape is an error', () => {
    expect(() => messageChanges({ object: 'page', entry: [] }, ID)).toThrow();
  });

  it('is signed over its very bytes', () => {
    const body = Buffer.from('{"text":"\\u00e9"}');
    const signature = `sha256=${createHmac('sha256', 'secret').update(body).digest('hex')}`;
    expect(isSigned(body, signature, 'secret')).toBe(true);
    expect(isSigned(Buffer.from('{"text":"é"}'), signature, 'secret')).toBe(false);
    expect(isSigned(body, signature, 'another')).toBe(false);
    expect(isSigned(body, undefined, 'secret')).toBe(false);
  });
});
