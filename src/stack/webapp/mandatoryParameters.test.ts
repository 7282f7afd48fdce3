import { describe, expect, it } from 'vitest';
import { contents, sendRequest } from '../../onprem/messages.ts';
import { bodyAs } from './respond.ts';

const TO = '15550001111';
const interactive = (more: object) => ({
  type: 'button',
  body: { text: 'x' },
  action: { buttons: [] },
  ...more,
});

/** Type, content, and the parameters that the refusal names. */
const TABLE: [keyof typeof contents, unknown, string][] = [
  ['text', {}, "'body'"],
  ['text', { body: null }, "'body'"],
  ['image', {}, "'id' or 'link'"],
  ['video', { caption: 'x' }, "'id' or 'link'"],
  ['document', { filename: 'x' }, "'id' or 'link'"],
  ['audio', {}, "'id' or 'link'"],
  ['sticker', {}, "'id' or 'link'"],
  ['image', { link: 'https://a/b', provider: {} }, "'provider.name'"],
  ['location', { longitude: 1 }, "'latitude'"],
  ['location', { latitude: 1 }, "'longitude'"],
  ['contacts', [{}], "'0.name'"],
  ['contacts', [{ name: { first_name: 'x' } }], "'0.name.formatted_name'"],
  ['template', { name: 'x', language: {} }, "'namespace'"],
  ['template', { namespace: 'x', language: { policy: 'deterministic', code: 'en' } }, "'name'"],
  ['template', { namespace: 'x', name: 'x' }, "'language'"],
  ['template', { namespace: 'x', name: 'x', language: { policy: 'deterministic' } }, "'language.code'"],
  ['template', { namespace: 'x', name: 'x', language: { code: 'en' } }, "'language.policy'"],
  [
    'template',
    {
      namespace: 'x',
      name: 'x',
      language: { policy: 'deterministic', code: 'en' },
      components: [{ type: 'button', index: 0 }],
    },
    "'components.0.sub_type'",
  ],
  ['hsm', { namespace: 'x' }, "'element_name'"],
  ['interactive', { body: { text: 'x' }, action: {} }, "'type'"],
  ['interactive', { type: 'list', body: { text: 'x' } }, "'action'"],
  ['interactive', interactive({ body: undefined }), "'body'"],
  ['interactive', interactive({ body: {} }), "'body.text'"],
  ['interactive', interactive({ action: {} }), "'action.buttons'"],
  [
    'interactive',
    interactive({ action: { buttons: [{ type: 'reply', reply: { id: 'x' } }] } }),
    "'action.buttons.0.reply.title'",
  ],
  ['interactive', interactive({ type: 'list', action: { sections: [] } }), "'action.button'"],
  [
    'interactive',
    interactive({ type: 'product', action: { catalog_id: 'x' } }),
    "'action.product_retailer_id'",
  ],
  ['reaction', { message_id: 'x' }, "'emoji'"],
];

const refusalOf = (message: object): unknown => {
  try {
    bodyAs(sendRequest, { to: TO, ...message });
    return undefined;
  } catch (error) {
    return error;
  }
};

describe('a parameter that a message lacks', () => {
  it.each(TABLE)('of %s %j is named', (type, content, names) => {
    expect(refusalOf({ type, [type]: content })).toMatchObject({
      code: 1008,
      details: `Parameter ${names} is mandatory for type '${type}'`,
    });
  });

  it.each(Object.keys(contents))('may be the object of type %s itself', (type) => {
    const details = `Parameter '${type}' is mandatory for type '${type}'`;
    for (const message of [{ type }, { type, [type]: null }])
      expect(refusalOf(message)).toMatchObject({ code: 1008, details });
  });
});
