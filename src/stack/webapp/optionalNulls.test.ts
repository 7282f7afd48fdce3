import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { actions, interactive } from '../../onprem/interactiveMessage.ts';
import { contents, sendRequest } from '../../onprem/messages.ts';
import { settingsPatch } from '../../onprem/settings.ts';
import { bodyAs } from './respond.ts';
import { routes } from './routes.ts';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Paths of the optional fields of a shape, in the objects that a sample has. */
function optionalFields(
  schema: Json,
  sample: unknown,
  path: readonly (string | number)[] = [],
): (string | number)[][] {
  const choices = (schema.anyOf ?? schema.oneOf) as Json[] | undefined;
  if (choices) return choices.flatMap((choice) => optionalFields(choice, sample, path));
  if (Array.isArray(sample))
    return sample.flatMap((item, index) =>
      isObject(schema.items) ? optionalFields(schema.items, item, [...path, index]) : [],
    );
  if (!isObject(sample) || !isObject(schema.properties)) return [];
  const required = (schema.required ?? []) as string[];
  return Object.entries(schema.properties as Record<string, Json>).flatMap(([name, inner]) => [
    ...(required.includes(name) ? [] : [[...path, name]]),
    ...optionalFields(inner, sample[name], [...path, name]),
  ]);
}

/** A copy with the field at a path set; without a value it is left out. */
function changed(sample: unknown, [name, ...rest]: readonly (string | number)[], value?: null): unknown {
  if (name === undefined) return value;
  if (Array.isArray(sample))
    return sample.map((item, index) => (index === name ? changed(item, rest, value) : item));
  const { [name]: inner, ...others } = sample as Json;
  if (rest.length === 0) return value === undefined ? others : { ...others, [name]: value };
  return { ...others, [name]: changed(inner, rest, value) };
}

const outcome = (shape: z.ZodType, body: unknown): unknown => {
  try {
    return bodyAs(shape, body);
  } catch (error) {
    return String(error);
  }
};
const schemaOf = (shape: z.ZodType): Json =>
  z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' }) as Json;

function expectNullIsAbsent(shape: z.ZodType, schema: Json, sample: unknown): number {
  expect(outcome(shape, sample)).not.toBeTypeOf('string');
  const fields = optionalFields(schema, sample);
  for (const path of fields)
    expect([path, outcome(shape, changed(sample, path, null))]).toEqual([
      path,
      outcome(shape, changed(sample, path)),
    ]);
  return fields.length;
}

const language = { policy: 'deterministic', code: 'en' };
const media = { link: 'https://a/b', caption: 'x', provider: { name: 'p' } };
const number = { cc: '1', phone_number: '6315551000' };

const BODIES: Record<string, unknown> = {
  'POST /v1/users/login': { new_password: 'x' },
  'POST /v1/users': { username: 'agent', password: 'x' },
  'PUT /v1/users/:username': { password: 'x' },
  'POST /v1/account': { ...number, method: 'sms', cert: 'x' },
  'POST /v1/account/verify': { code: '123456' },
  'POST /v1/account/shards': { ...number, shards: 1, cert: 'x' },
  'POST /v1/settings/account/two-step': { pin: '123456' },
  'PATCH /v1/settings/application': { webhooks: { url: 'https://a' }, media: { auto_download: [] } },
  'POST /v1/settings/application/media/providers': [{ name: 'cdn', type: 'www', config: { bearer: 'x' } }],
  'PATCH /v1/settings/profile/about': { text: 'x' },
  'POST /v1/settings/business/profile': { vertical: 'Other' },
  'POST /v1/settings/business/compliance_info': {
    entity_name: 'x',
    entity_type: 'Other',
    customer_care_details: { email: 'x' },
    grievance_officer_details: {},
  },
  'POST /v1/settings/backup': { password: 'x' },
  'POST /v1/settings/restore': { password: 'x', data: 'x' },
  'POST /v1/messages': { to: '15550001111', text: { body: 'x' } },
  'PUT /v1/messages/:id': { status: 'read' },
  'POST /v1/contacts': { contacts: ['x'] },
  'PUT /v1/contacts/:waId/identity': { hash: 'x' },
  'POST /v1/stickerpacks': { publisher: 'x', name: 'x' },
  'PATCH /v1/stickerpacks/:pack': { publisher: 'x' },
  'POST /v1/stickerpacks/:pack/stickers': { image_data_id: 'x' },
  'PATCH /v1/stickerpacks/:pack/stickers/:index': { image_data_id: 'x' },
};

const CONTENTS: { readonly [T in keyof typeof contents]: unknown } = {
  text: { body: 'x' },
  image: media,
  video: media,
  document: { ...media, filename: 'x' },
  audio: { id: 'x' },
  sticker: { id: 'x' },
  location: { latitude: 1, longitude: 2, name: 'x' },
  contacts: [
    {
      name: { formatted_name: 'A B', first_name: 'A', last_name: 'B' },
      addresses: [{ street: 'x' }],
      emails: [{ email: 'x' }],
      ims: [{}],
      org: {},
      phones: [{ phone: 'x' }],
      urls: [{ url: 'x' }],
    },
  ],
  template: {
    namespace: 'n',
    name: 't',
    language,
    components: [
      { type: 'header', parameters: [{ type: 'image', image: media }] },
      {
        type: 'body',
        parameters: [
          { type: 'text', text: 'x' },
          { type: 'currency', currency: { fallback_value: 'x', code: 'EUR', amount_1000: 1 } },
          { type: 'date_time', date_time: { fallback_value: 'x', year: 2026 } },
        ],
      },
    ],
  },
  hsm: { namespace: 'n', element_name: 'e', language, localizable_params: [{ default: 'x' }] },
  interactive: undefined,
  reaction: { message_id: 'x', emoji: 'x' },
};

const ACTIONS: { readonly [T in keyof typeof actions]: unknown } = {
  list: { button: 'x', sections: [{ title: 'x', rows: [{ id: 'x', title: 'x' }] }] },
  button: { buttons: [{ type: 'reply', reply: { id: 'x', title: 'x' } }] },
  product: { catalog_id: 'x', product_retailer_id: 'x' },
  product_list: { catalog_id: 'x', sections: [{ product_items: [{ product_retailer_id: 'x' }] }] },
  catalog_message: { name: 'catalog_message', parameters: {} },
  location_request_message: { name: 'send_location' },
  flow: { name: 'flow', parameters: { flow_message_version: '3', flow_id: '1', flow_cta: 'x' } },
  address_message: { name: 'address_message', parameters: { country: 'IN' } },
  order_details: { name: 'review_and_pay', parameters: {} },
  order_status: { name: 'review_order', parameters: {} },
};

describe('an optional field that is null counts as absent', () => {
  const withBody = routes.filter(({ body }) => body);
  it.each(withBody.map(({ method, path, body }) => [`${method} ${path}`, body] as const))(
    'in %s',
    (name, body) => {
      if (!body) throw new Error('no body');
      expect(BODIES).toHaveProperty([name]);
      expectNullIsAbsent(body, schemaOf(body), BODIES[name]);
    },
  );

  it.each(Object.entries(CONTENTS).filter(([type]) => type !== 'interactive'))(
    'in a message of type %s',
    (type, content) => {
      const shape = z.object({ ...sendRequest.shape, [type]: contents[type as keyof typeof contents] });
      const sample = { to: '15550001111', type, [type]: content };
      expect(expectNullIsAbsent(sendRequest, schemaOf(shape), sample)).toBeGreaterThan(3);
      // Clients with a type for every message write the other contents as null.
      const others = Object.fromEntries(Object.keys(contents).map((other) => [other, null]));
      expect(outcome(sendRequest, { ...others, ...sample })).toEqual(outcome(sendRequest, sample));
    },
  );

  it.each(Object.entries(ACTIONS))('in an interactive message of type %s', (kind, action) => {
    const own = z.object({ ...interactive.shape, action: actions[kind as keyof typeof actions] });
    const shape = z.object({ ...sendRequest.shape, interactive: own });
    const header = kind === 'product_list' ? { header: { type: 'text', text: 'x' } } : {};
    const about = { type: kind, ...header, body: { text: 'x' }, footer: { text: 'x' }, action };
    const sample = { to: '15550001111', type: 'interactive', interactive: about };
    expect(expectNullIsAbsent(sendRequest, schemaOf(shape), sample)).toBeGreaterThan(5);
  });

  it('in a patch of the application settings', () => {
    const sample = {
      webhooks: { url: 'https://a', message: { sent: true } },
      media: { auto_download: [] },
      garbagecollector_enable: {},
    };
    expect(expectNullIsAbsent(settingsPatch, schemaOf(settingsPatch), sample)).toBeGreaterThan(20);
  });

  it('except inside what a flow is handed, which is the caller’s own', () => {
    const payload = { screen: 'FIRST', data: { optional: null } };
    const parameters = {
      ...(ACTIONS.flow as { parameters: object }).parameters,
      flow_action_payload: payload,
    };
    const message = {
      to: '15550001111',
      type: 'interactive',
      interactive: { type: 'flow', body: { text: 'x' }, action: { name: 'flow', parameters } },
    };
    expect(outcome(sendRequest, message)).toMatchObject({
      interactive: { action: { parameters: { flow_action_payload: payload } } },
    });
  });
});
