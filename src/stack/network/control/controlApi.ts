import type { Hono } from 'hono';
import { z } from 'zod';
import { type Json, jsonContent, jsonSchema, openApiPath, openApiPaths } from '../../http/openApi.ts';
import type { Call } from '../../http/route.ts';
import { serveRoutes } from '../../http/serveRoutes.ts';
import type { Network } from '../network.ts';
import { ControlProblem, type ControlRoute } from './controlRoute.ts';
import { numberRoutes } from './numberRoutes.ts';
import { peopleRoutes } from './peopleRoutes.ts';
import { simulationRoutes } from './simulationRoutes.ts';

/** Everything that the control API serves. */
export const controlRoutes: readonly ControlRoute[] = [...numberRoutes, ...peopleRoutes, ...simulationRoutes];

const problem = z.object({ error: z.string() });
/** Paths of the control API are on the port that serves the document itself. */
const SERVERS = [{ url: '/', description: 'The control port of the network process' }];

/** Serves the control API on `app`. */
export function serveControlApi(app: Hono, network: Network): void {
  serveRoutes(app, controlRoutes, (route, call) =>
    answer(route, call, network).catch((error: unknown) => {
      if (error instanceof ControlProblem)
        return Response.json({ error: error.message }, { status: error.status });
      throw error;
    }),
  );
}

async function answer(route: ControlRoute, call: Omit<Call, 'body'>, network: Network): Promise<Response> {
  const body = route.body && readBody(route.body, await call.request.text());
  const made = await route.handle({ ...call, body: body as never }, network);
  if (made instanceof Response) return made;
  return made === undefined
    ? new Response(null, { status: statusOf(route) })
    : Response.json(made, { status: statusOf(route) });
}

/** @throws ControlProblem 400 with every field that is wrong */
function readBody(shape: z.ZodType, text: string): unknown {
  const parsed = shape.safeParse(text.trim() === '' ? {} : parseJson(text));
  if (parsed.success) return parsed.data;
  throw new ControlProblem(400, z.prettifyError(parsed.error));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ControlProblem(400, 'the body is not valid JSON');
  }
}

const statusOf = ({ answer: shape, status }: ControlRoute): number => status ?? (shape ? 200 : 204);

/** The OpenAPI document of the emulated API, with the paths of the control API added. */
export function withControlApi(openApi: Json): Json {
  const own = openApiPaths(controlRoutes, operation);
  const served = Object.entries(own).map(([path, item]) => [path, { servers: SERVERS, ...item }]);
  return { ...openApi, paths: { ...(openApi.paths as Json | undefined), ...Object.fromEntries(served) } };
}

function operation(route: ControlRoute): Json {
  const { answer: shape, body } = route;
  const content =
    typeof shape === 'string'
      ? { content: { [shape]: {} } }
      : shape
        ? jsonContent(jsonSchema(shape, 'output'))
        : {};
  return {
    tags: ['simulation'],
    security: [],
    responses: {
      [statusOf(route)]: { description: 'Done', ...content },
      ...(body ? { 400: { description: 'The body is wrong', ...jsonContent(jsonSchema(problem)) } } : {}),
    },
  };
}

/** Every call as a line of text: `PUT /people/{waId} {"name"?, "blocks"?}: names a person …`. */
export const controlCalls = (): string[] =>
  controlRoutes.map(({ method, path, summary, body }) => {
    const shape = body ? ` ${outline(jsonSchema(body))}` : '';
    return `${method} ${openApiPath(path)}${shape}: ${summary}`;
  });

/** The fields of a JSON Schema, optional ones with a question mark. */
function outline({ type, items, properties = {}, required = [] }: Json): string {
  if (type === 'array') return `[${outline(items as Json)}]`;
  const fields = Object.keys(properties as Json).map(
    (name) => `"${name}"${(required as string[]).includes(name) ? '' : '?'}`,
  );
  return `{${fields.join(', ')}}`;
}
