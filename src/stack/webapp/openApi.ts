import { type Json, jsonContent, jsonSchema, openApiPaths } from '../http/openApi.ts';
import type { Access, Route } from './route.ts';
import { routesOf } from './routes.ts';

const SECURITY: Readonly<Record<Access, readonly Json[]>> = {
  open: [],
  basic: [{ basic: [] }],
  any: [{ bearer: [] }],
  admin: [{ bearer: [] }],
  'any-or-key': [{ bearer: [] }, { apiKey: [] }],
};

const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/** The OpenAPI 3.1 document of the API, from the shapes that the server checks calls by. */
export function openApi(version: string): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'WhatsApp Business On-Premises API, as the emulator serves it',
      version: version.replace(/^v/, ''),
    },
    servers: [{ url: 'https://{webapp}', variables: { webapp: { default: 'localhost:9090' } } }],
    paths: openApiPaths(routesOf(version), operation),
    components: {
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic' },
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'Authorization', description: '`Apikey <WA_API_KEY>`' },
      },
      schemas: {
        Meta: {
          type: 'object',
          properties: {
            api_status: { enum: ['stable', 'experimental', 'deprecated'] },
            version: { type: 'string' },
          },
        },
        Success: { type: 'object', properties: { meta: reference('Meta') } },
        Failure: {
          type: 'object',
          required: ['errors'],
          properties: {
            errors: {
              type: 'array',
              items: {
                type: 'object',
                required: ['code', 'title'],
                properties: {
                  code: { type: 'integer' },
                  title: { type: 'string' },
                  details: { type: 'string' },
                },
              },
            },
            meta: reference('Meta'),
          },
        },
      },
    },
  };
}

function operation({ access, fidelity, answer }: Route): Json {
  const done = typeof answer === 'object' ? jsonSchema(answer, 'output') : reference('Success');
  return {
    'x-fidelity': fidelity,
    ...(access === 'admin' ? { 'x-role': 'ROLE_ADMIN' } : {}),
    security: SECURITY[access],
    responses: {
      '2XX': { description: 'Done', ...jsonContent(done) },
      '4XX': { description: 'Refused', ...jsonContent(reference('Failure')) },
      '5XX': { description: 'Not now, or an internal error', ...jsonContent(reference('Failure')) },
    },
  };
}
