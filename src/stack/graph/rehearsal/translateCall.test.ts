import { describe, expect, it } from 'vitest';
import { cloudId } from '../../../cloud/messageIds.ts';
import { messageId } from '../../../onprem/messages.ts';
import { translateCall, UPLOADED } from './translateCall.ts';

const ANA = '16505550001';
const ID = messageId('outbound', ANA, (count) => Buffer.alloc(count, 7));
const SENT = { messages: [{ id: ID }], meta: { api_status: 'stable', version: '2.57.1' } };

const call = (method: string, path: string, more: object = {}) =>
  translateCall({ method, path, status: 200, body: undefined, answer: undefined, errors: [], ...more });
const send = (message: object, more: object = {}) =>
  call('POST', '/v1/messages', { status: 201, body: { to: ANA, ...message }, answer: SENT, ...more });
/** What differs apart from what differs in each call: `moved preview_url text.preview_url`. */
const own = (translated: ReturnType<typeof translateCall>) =>
  translated?.differences
    .filter(({ isEnvelope }) => !isEnvelope)
    .map(({ change, from, to }) => [change, from, to].filter(Boolean).join(' '));

describe('a message of /v1', () => {
  it('with the same content is ready: only what stands around it is another one', () => {
    const translated = send({ type: 'text', text: { body: 'Hi' } });
    expect(translated).toMatchObject({ name: 'POST /v1/messages text', verdict: 'ready', problems: [] });
    expect(translated?.graph).toEqual([
      {
        line: 'POST /{phone number id}/messages',
        body: {
          messaging_product: 'whatsapp',
          recipient_type: 'individual',
          to: `+${ANA}`,
          type: 'text',
          text: { body: 'Hi' },
        },
        answer: {
          messaging_product: 'whatsapp',
          contacts: [{ input: `+${ANA}`, wa_id: ANA }],
          messages: [{ id: cloudId(ID) }],
        },
      },
    ]);
    expect(
      translated?.differences.map(({ part, change, from, to }) => `${part} ${change} ${to ?? from}`),
    ).toEqual([
      'body changed to',
      'body added messaging_product',
      'body added recipient_type',
      'answer changed messages[].id',
      'answer removed meta.api_status',
      'answer removed meta.version',
      'answer added messaging_product',
      'answer added contacts[].input',
      'answer added contacts[].wa_id',
    ]);
  });

  const template = { name: 'offer', language: { policy: 'deterministic', code: 'en' } };
  it.each([
    [
      { type: 'text', preview_url: true, text: { body: 'https://x.example' } },
      ['moved preview_url text.preview_url'],
      /preview_url/,
    ],
    [{ type: 'image', image: { id: 'here' } }, ['changed image.id image.id'], /[Uu]pload the file/],
    [
      { type: 'image', image: { link: 'https://x.example/a.jpg', provider: { name: 'mine' } } },
      ['removed image.link', 'removed image.provider.name', 'added image.id'],
      /no media providers/,
    ],
    [
      { type: 'template', template: { namespace: 'ns', ...template } },
      ['removed template.namespace', 'removed template.language.policy'],
      /Leave namespace out/,
    ],
    [
      { type: 'template', ttl: 7, template: { namespace: 'ns', ...template } },
      ['removed ttl', 'removed template.namespace', 'removed template.language.policy'],
      /message_send_ttl_seconds/,
    ],
    [
      {
        type: 'hsm',
        hsm: {
          namespace: 'ns',
          element_name: 'offer',
          language: template.language,
          localizable_params: [{ default: 'Ana' }],
        },
      },
      expect.arrayContaining([
        'changed type type',
        'moved hsm.element_name template.name',
        'moved hsm.localizable_params[].default template.components[].parameters[].text',
      ]),
      /Send a template/,
    ],
  ])('%j differs, and the remedy says what to do', (message, differences, remedy) => {
    const translated = send(message);
    expect(translated?.verdict).toBe('differs');
    expect(own(translated)).toEqual(differences);
    expect(translated?.remedies.join(' ')).toMatch(remedy);
  });

  it('with media becomes an upload and a message', () => {
    const lines = send({ type: 'image', image: { id: 'here' } })?.graph;
    expect(lines?.map(({ line }) => line)).toEqual([
      'POST /{phone number id}/media',
      'POST /{phone number id}/messages',
    ]);
    expect(lines?.[1]?.body).toMatchObject({ image: { id: UPLOADED } });
  });

  it('that is refused is refused with the code of the Cloud API', () => {
    const errors = [{ code: 1013, title: 'User is not valid', details: 'Nobody' }];
    const translated = send(
      { type: 'text', text: { body: 'Hi' } },
      { status: 400, errors, answer: { errors } },
    );
    expect(translated?.graph[0]?.answer).toMatchObject({
      error: { code: 131026, error_data: { details: 'Nobody' } },
    });
  });

  it('that /v1 does not take is no message of the Cloud API either', () => {
    const errors = [{ code: 1008, title: 'Required parameter is missing', details: 'text' }];
    const translated = send({ type: 'text' }, { status: 400, errors });
    expect(translated).toMatchObject({ verdict: 'differs', graph: [], problems: ['/v1 1008: text'] });
  });
});

describe('another call of /v1', () => {
  it('that marks a message as read names it by its Cloud id', () => {
    const translated = call('PUT', `/v1/messages/${ID}`, { body: { status: 'read' } });
    expect(translated?.graph).toEqual([
      {
        line: 'POST /{phone number id}/messages',
        body: { messaging_product: 'whatsapp', status: 'read', message_id: cloudId(ID) },
        answer: { success: true },
      },
    ]);
  });

  it('without a counterpart says what to do instead', () => {
    const translated = call('POST', '//v1/contacts?x=1', { body: { contacts: ['+1'] } });
    expect(translated).toMatchObject({ name: 'POST /v1/contacts', verdict: 'no-counterpart', graph: [] });
    expect(translated?.remedies).toEqual([expect.stringContaining('131026')]);
  });

  it('that sets the webhook subscribes, and one that sets anything else has no counterpart', () => {
    const url = 'https://app.example/hook';
    const told = call('PATCH', '/v1/settings/application', { body: { webhooks: { url } } });
    expect(told).toMatchObject({
      verdict: 'differs',
      graph: [{ body: { override_callback_uri: url }, line: 'POST /{business account id}/subscribed_apps' }],
    });
    const other = call('PATCH', '/v1/settings/application', { body: { sent_status: true } });
    expect(other).toMatchObject({ verdict: 'no-counterpart', graph: [] });
  });

  it('of the profile has the names of the Cloud API', () => {
    expect(call('PATCH', '/v1/settings/profile/about', { body: { text: 'Open' } })?.graph).toEqual([
      { line: expect.any(String), body: { messaging_product: 'whatsapp', about: 'Open' } },
    ]);
    const business = call('POST', '/v1/settings/business/profile', { body: { vertical: 'Education' } });
    expect(business?.graph[0]?.body).toEqual({ messaging_product: 'whatsapp', vertical: 'EDU' });
  });

  it('in two steps is shown as both, with bodies that hold no secret', () => {
    expect(call('POST', '/v1/account/verify')?.graph).toEqual([
      { line: 'POST /{phone number id}/verify_code', body: { code: '<six digits>' } },
      {
        line: 'POST /{phone number id}/register',
        body: { messaging_product: 'whatsapp', pin: '<six digits>' },
      },
    ]);
  });

  it('that /v1 does not have is left out', () => {
    expect(call('GET', '/favicon.ico')).toBeUndefined();
    expect(call('PATCH', '/v1/messages')).toBeUndefined();
  });
});
