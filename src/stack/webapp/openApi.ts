import { z } from 'zod';
import type { Access, Route } from './route.ts';
import { routes } from './routes.ts';

type Json = Record<string, unknown>;

const SECURITY: Readonly<Record<Access, readonly Json[]>> = {
  open: [],
  basic: [{ basic: [] }],
  any: [{ bearer: [] }],
  admin: [{ bearer: [] }],
  'any-or-key': [{ bearer: [] }, { apiKey: [] }],
};

const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/** An OpenAPI 3.1 document of everything that is served, from the shapes that the server itself checks by. */
export function openApi(version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:([A-Za-z]+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'WhatsApp Business On-Premises API, as the emulator serves it',
      version: version.replace(/^v/, ''),
    },
    paths,
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

function operation({ method, path, summary, access, fidelity, note, body }: Route): Json {
  const parameters = [...path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const json = (schema: Json) => ({ content: { 'application/json': { schema } } });
  return {
    operationId: `${method}${path.replace(/[/:]+/g, '_')}`,
    summary,
    'x-fidelity': fidelity,
    ...(note ? { description: note } : {}),
    ...(access === 'admin' ? { 'x-role': 'ROLE_ADMIN' } : {}),
    security: SECURITY[access],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: json(shapeOf(body)) } : {}),
    responses: {
      '2XX': { description: 'Done', ...json(reference('Success')) },
      '4XX': { description: 'Refused', ...json(reference('Failure')) },
      '5XX': { description: 'Not now, or an internal error', ...json(reference('Failure')) },
    },
  };
}

function shapeOf(schema: z.ZodType): Json {
  const { $schema: _, ...shape } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json;
  return shape;
}
