import * as z from 'zod';
import type { Endpoint } from './route.ts';

export type Json = Record<string, unknown>;

const NAMES_IN_PATH = /:([A-Za-z][A-Za-z0-9]*)/g;

export const jsonContent = (schema: Json): Json => ({ content: { 'application/json': { schema } } });

/** `/v1/users/:username` as OpenAPI writes it: `/v1/users/{username}`. */
export const openApiPath = (path: string): string => path.replace(NAMES_IN_PATH, '{$1}');

/** The JSON Schema of what is sent (`input`), or of what is received (`output`). */
export function jsonSchema(shape: z.ZodType, io: 'input' | 'output' = 'input'): Json {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io, unrepresentable: 'any' }) as Json;
  return schema;
}

/** The `paths` of an OpenAPI 3.1 document. `more` gives what servers differ in: security and answers. */
export function openApiPaths<R extends Endpoint>(
  routes: readonly R[],
  more: (route: R) => Json,
): Record<string, Json> {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = openApiPath(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: { ...operation(route), ...more(route) } };
  }
  return paths;
}

function operation({ method, path, summary, note, query = {}, body }: Endpoint): Json {
  const schema = { type: 'string' };
  const parameters = [
    ...[...path.matchAll(NAMES_IN_PATH)].map(([, name]) => ({ name, in: 'path', required: true, schema })),
    ...Object.entries(query).map(([name, description]) => ({ name, in: 'query', description, schema })),
  ];
  return {
    operationId: `${method}${path.replace(/[/:]+/g, '_')}`,
    summary,
    ...(note ? { description: note } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: jsonContent(jsonSchema(body)) } : {}),
  };
}
