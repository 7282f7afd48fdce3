// Writes graphSchemas.json: the schemas of the calls that this project makes or serves, out of the vendor's OpenAPI.
// node test/openapi/excerpt.mjs business-messaging-api_v23.0.yaml COMMIT
import { readFile, writeFile } from 'node:fs/promises';
import { load } from 'js-yaml';

const [, , file = '', commit = ''] = process.argv;
const document = load(await readFile(file, 'utf8'));

/** By a name of ours: the path without its version, and the method. */
const OPERATIONS = {
  message: ['{Phone-Number-ID}/messages', 'post'],
  mediaUpload: ['{Phone-Number-ID}/media', 'post'],
  media: ['{Media-ID}', 'get'],
  mediaRemoval: ['{Media-ID}', 'delete'],
  number: ['{Phone-Number-ID}', 'get'],
  register: ['{Phone-Number-ID}/register', 'post'],
  deregister: ['{Phone-Number-ID}/deregister', 'post'],
  requestCode: ['{Phone-Number-ID}/request_code', 'post'],
  verifyCode: ['{Phone-Number-ID}/verify_code', 'post'],
  profile: ['{Phone-Number-ID}/whatsapp_business_profile', 'get'],
  profileChange: ['{Phone-Number-ID}/whatsapp_business_profile', 'post'],
  blockUsers: ['{Phone-Number-ID}/block_users', 'post'],
  subscription: ['{WABA-ID}/subscribed_apps', 'get'],
  subscribe: ['{WABA-ID}/subscribed_apps', 'post'],
  unsubscribe: ['{WABA-ID}/subscribed_apps', 'delete'],
  templates: ['{WABA-ID}/message_templates', 'get'],
};
/** What a webhook is posted. */
const WEBHOOK = [
  'WebhookPayload',
  'IncomingMessageValueGeneral',
  'IncomingMessageValueSystem',
  'StatusMessageValue',
];

/** What tells nothing to a validator. */
const TELLS_NOTHING = new Set(['description', 'example', 'examples', 'title', 'deprecated', 'x-fb-notes']);
const bare = (value) => {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== 'object' || value === null) return value;
  // A property may have one of these names.
  const isNamed = (key, inner) =>
    !(TELLS_NOTHING.has(key) && (typeof inner !== 'object' || key.startsWith('example')));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => isNamed(key, inner))
      .map(([key, inner]) => [key, bare(inner)]),
  );
};
const jsonSchema = (content = {}) => bare(content['application/json']?.schema);

const operations = Object.fromEntries(
  Object.entries(OPERATIONS).map(([name, [path, method]]) => {
    const operation = document.paths[`/{Version}/${path}`][method];
    const answer = operation.responses?.['200'] ?? operation.responses?.[200];
    return [
      name,
      { request: jsonSchema(operation.requestBody?.content), answer: jsonSchema(answer?.content) },
    ];
  }),
);

const schemas = {};
const take = (value) => {
  for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    if (schemas[name]) continue;
    schemas[name] = bare(document.components.schemas[name]);
    take(schemas[name]);
  }
};
take([operations, WEBHOOK.map((name) => ({ $ref: `#/components/schemas/${name}` }))]);

const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
const source = {
  repository: 'https://github.com/facebook/openapi',
  file: file.split('/').at(-1),
  commit,
  licence: 'MIT',
};
await writeFile(
  new URL('graphSchemas.json', import.meta.url),
  `${JSON.stringify({ source, operations, schemas: sorted }, null, 1)}\n`,
);
