import type { Hono } from 'hono';
import * as z from 'zod';
import { RETRY_AFTER_SECONDS, TooManyBodies } from '../../http/bodyBudget.ts';
import { type Json, jsonContent, jsonSchema, openApiPath, openApiPaths } from '../../http/openApi.ts';
import { BadJson, parseJson } from '../../http/parseJson.ts';
import { BodyCutShort, BodyTooLarge } from '../../http/readBody.ts';
import type { Call } from '../../http/route.ts';
import { serveRoutes } from '../../http/serveRoutes.ts';
import type { Network } from '../network.ts';
import { callbackRoutes } from './callbackRoutes.ts';
import { ControlProblem, type ControlRoute } from './controlRoute.ts';
import { graphRoutes } from './graphRoutes.ts';
import { numberRoutes } from './numberRoutes.ts';
import { peopleRoutes } from './peopleRoutes.ts';
import { rehearsalRoutes } from './rehearsalRoutes.ts';
import { requestRoutes } from './requestRoutes.ts';
import { simulationRoutes } from './simulationRoutes.ts';
import { stateRoutes } from './stateRoutes.ts';

/** What each path of the control API begins with. */
export const CONTROL_BASE = '/control/v1';

/** Served without the beginning of their paths too, as in the release that had no version. */
const unversioned: readonly ControlRoute[] = [...numberRoutes, ...peopleRoutes, ...simulationRoutes];

/** Everything that the control API serves. */
export const controlRoutes: readonly ControlRoute[] = [
  ...unversioned,
  ...callbackRoutes,
  ...requestRoutes,
  ...graphRoutes,
  ...rehearsalRoutes,
  ...stateRoutes,
].map((route) => ({ ...route, path: CONTROL_BASE + route.path }));

const LARGEST_BODY_BYTES = 1024 * 1024;

const problem = z.object({ error: z.string() });
/** Paths of the control API are on the port that serves the document itself. */
const SERVERS = [{ url: '/', description: 'The control port of the network process' }];

/** Serves the control API on `app`. */
export function serveControlApi(app: Hono, network: Network): void {
  serveRoutes(app, [...controlRoutes, ...unversioned], (route, call) =>
    answer(route, call, network).catch((error: unknown) => {
      const status = statusOfFailure(error);
      if (status === undefined) throw error;
      const headers = status === 503 ? { 'retry-after': String(RETRY_AFTER_SECONDS) } : {};
      return Response.json({ error: (error as Error).message }, { status, headers });
    }),
  );
}

/** Of a call that can't be served; undefined for a fault of our own. */
function statusOfFailure(error: unknown): number | undefined {
  if (error instanceof ControlProblem) return error.status;
  if (error instanceof BodyTooLarge) return 413;
  if (error instanceof TooManyBodies) return 503;
  return error instanceof BadJson || error instanceof BodyCutShort ? 400 : undefined;
}

async function answer(route: ControlRoute, call: Omit<Call, 'body'>, network: Network): Promise<Response> {
  const body = route.body && parsedBody(route.body, await textOf(route, call));
  const made = await route.handle({ ...call, body: body as never }, network);
  if (made instanceof Response) return made;
  return made === undefined
    ? new Response(null, { status: statusOf(route) })
    : Response.json(made, { status: statusOf(route) });
}

/** @throws BodyTooLarge, BodyCutShort, TooManyBodies */
const textOf = async (
  { largestBodyBytes = LARGEST_BODY_BYTES }: ControlRoute,
  { read }: Pick<Call, 'read'>,
) => (await read(largestBodyBytes)).toString('utf8');

/** @throws BadJson; ControlProblem 400 with every field that is wrong */
function parsedBody(shape: z.ZodType, text: string): unknown {
  const parsed = shape.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new ControlProblem(400, z.prettifyError(parsed.error));
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
