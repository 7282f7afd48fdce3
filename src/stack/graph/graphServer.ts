import { type HttpBindings, serve } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import { sleep } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { safeJson } from '../../base/safeJson.ts';
import { RETRY_AFTER_SECONDS, TooManyBodies } from '../http/bodyBudget.ts';
import { BadJson, parseJson } from '../http/parseJson.ts';
import { BodyCutShort, BodyTooLarge } from '../http/readBody.ts';
import type { Call, Incoming } from '../http/route.ts';
import { serveRoutes } from '../http/serveRoutes.ts';
import type { GraphFault } from '../network/graphFaults.ts';
import type { Graph } from './graph.ts';
import { GraphFailure } from './graphFailure.ts';
import type { GraphCall, GraphRoute } from './graphRoute.ts';
import { graphRoutes } from './routes.ts';

/** Of JSON and forms without files. */
const LARGEST_BODY_BYTES = 1024 * 1024;
/** Of a body that the log shows. */
const SHOWN_CHARACTERS = 16 * 1024;
const VERSION = /^\/v\d+\.\d+\//;
/** Their bodies hold PINs and codes. */
const SECRET = /\/(register|verify_code)$|^\/v\d+\.\d+\/\d+$/;

export interface GraphServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves the simulated Graph API on a port of its own. @throws CodedError `PortTaken` */
export function startGraphServer(
  graph: Graph,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<GraphServer> {
  const answer = createGraphApp(graph);
  return new Promise((resolve, reject) => {
    const server = serve(
      {
        fetch: (request, env) => answer(request, env as HttpBindings),
        hostname: host,
        port,
        // Other programs of this process, and its tests, keep the Response that they know.
        overrideGlobalObjects: false,
      },
      (address) =>
        resolve({
          port: address.port,
          close: () =>
            new Promise((done) => {
              server.close(() => done());
              if ('closeAllConnections' in server) server.closeAllConnections();
            }),
        }),
    );
    server.once('error', (cause: Error) =>
      reject(new CodedError('PortTaken', `port ${port} on ${host} is in use by another program`, { cause })),
    );
  });
}

type Answer = (request: Request, bindings?: HttpBindings) => Promise<Response>;

/** Answers requests: with the faults that are set, and each of them logged. Without bindings no connection can be cut. */
function createGraphApp(graph: Graph): Answer {
  const faults = new WeakMap<object, GraphFault>();
  const bodies = new WeakMap<object, JsonBody>();
  const app = new Hono();
  app.get('/healthz', (context) => context.text('ok'));
  serveRoutes(app, graphRoutes, (route, call) =>
    served(route, readOnce(call, bodies.get(call.request)), graph, faults.get(call.request)).catch(
      (error: unknown) => refusalOf(error),
    ),
  );
  app.notFound(() => refusalOf(new GraphFailure(2500, 'Unknown path components')));
  const serveNow = async (request: Request, bindings: HttpBindings | undefined, body: string | undefined) => {
    const fault = faultOf(request, body, graph);
    if (fault) faults.set(request, fault);
    if (fault && fault.delayMs > 0)
      await sleep(graph.network.clock, fault.delayMs, graph.signal).catch(() => {});
    if (!fault || !replaces(fault)) return app.fetch(request, bindings);
    if (fault.isServed) await app.fetch(request, bindings);
    return instead(fault, bindings);
  };
  return async (request, bindings) => {
    const { network } = graph;
    const [at, startedAt] = [network.now(), network.clock.monotonic()];
    const json = await jsonBodyOf(request);
    if (json) bodies.set(request, json);
    const body = json?.text;
    const response = await serveNow(request, bindings, body);
    const { pathname, search } = new URL(request.url);
    if (pathname === '/healthz') return response;
    const isCut = response === RESPONSE_ALREADY_SENT;
    const isJson = !isCut && response.headers.get('content-type')?.includes('json') === true;
    const answer = isJson ? await response.text() : undefined;
    const isSecret = SECRET.test(pathname) && request.method === 'POST';
    const report = {
      at,
      method: request.method,
      path: pathname + search.replace(/access_token=[^&]*/, 'access_token=…'),
      status: isCut ? 0 : response.status,
      durationMs: Math.round(network.clock.monotonic() - startedAt),
      ...(body === undefined || isSecret ? {} : { body: body.slice(0, SHOWN_CHARACTERS) }),
      ...(answer === undefined ? {} : { answer: answer.slice(0, SHOWN_CHARACTERS) }),
    };
    network.requests.take('graph', report, 'graph');
    return answer === undefined ? response : written(answer, response, bindings);
  };
}

/** Writes an answer whose text is known: a `Response` would cost as much as the call. */
function written(text: string, { status, headers }: Response, bindings: HttpBindings | undefined): Response {
  if (!bindings) return new Response(text, { status, headers });
  bindings.outgoing.writeHead(status, Object.fromEntries(headers));
  bindings.outgoing.end(text);
  return RESPONSE_ALREADY_SENT;
}

interface JsonBody {
  readonly text: string;
  /** What the call reads; absent if it can read the request itself. */
  readonly bytes?: Buffer;
  /** Why they could not be read. */
  readonly problem?: unknown;
}

/** A short JSON body; undefined for all others. One that says its length is read once, and `readOnce` hands it on. */
async function jsonBodyOf(request: Request): Promise<JsonBody | undefined> {
  const { headers } = request;
  const length = headers.get('content-length');
  if (headers.get('content-type')?.includes('json') !== true || Number(length) > LARGEST_BODY_BYTES)
    return undefined;
  try {
    // A copy costs as much as the call.
    if (length === null) return request.body ? { text: await request.clone().text() } : undefined;
    const bytes = Buffer.from(await request.arrayBuffer());
    return { text: bytes.toString('utf8'), bytes };
  } catch (problem) {
    return { text: '', problem };
  }
}

/** A call whose body was read already, if it was. */
function readOnce(call: Omit<Call, 'body'>, body: JsonBody | undefined): Omit<Call, 'body'> {
  if (!body?.bytes && body?.problem === undefined) return call;
  const { bytes, problem } = body;
  const read = async (largestBytes: number) => {
    if (!bytes) throw new BodyCutShort(problem);
    if (bytes.length > largestBytes) throw new BodyTooLarge(largestBytes);
    return bytes;
  };
  return { ...call, read };
}

function faultOf(request: Request, body: string | undefined, { network }: Graph): GraphFault | undefined {
  const { to, recipient, type } = (safeJson(body ?? '') ?? {}) as Record<string, unknown>;
  const person = to ?? recipient;
  const call = {
    method: request.method,
    path: new URL(request.url).pathname,
    ...(typeof person === 'string' ? { to: person, type: typeof type === 'string' ? type : 'text' } : {}),
  };
  return network.graphFaults.calls.meet(call)?.fault;
}

const replaces = ({ code, status, cut }: GraphFault): boolean =>
  code !== undefined || status !== undefined || cut === true;

function instead(fault: GraphFault, bindings: HttpBindings | undefined): Response {
  const { code, subcode, status, retryAfterSeconds } = fault;
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  if (code !== undefined) {
    const failure = new GraphFailure(code, 'Set at the control port', { subcode });
    return Response.json(failure.body(), { status: failure.status, headers });
  }
  if (status !== undefined)
    return new Response(`<html><body><h1>${status}</h1></body></html>`, {
      status,
      headers: { ...headers, 'content-type': 'text/html' },
    });
  bindings?.incoming.socket.destroy();
  return RESPONSE_ALREADY_SENT;
}

async function served(
  route: GraphRoute,
  call: Omit<Call, 'body'>,
  graph: Graph,
  fault: GraphFault | undefined,
): Promise<Response> {
  const { request } = call;
  const url = new URL(request.url);
  if (route.path.startsWith('/:version') && !VERSION.test(url.pathname))
    throw new GraphFailure(
      2500,
      `Unknown path components: ${url.pathname} does not begin with a version like /v26.0`,
    );
  if (route.isOpen !== true) requireToken(request, url, graph);
  const called: GraphCall = {
    ...call,
    body: undefined,
    origin: url.origin,
    parameters: () => parametersOf(call, url),
    fault,
  };
  return (await route.handle(called as never, graph)) as Response;
}

/** @throws GraphFailure 190 */
function requireToken(request: Incoming, url: URL, { network }: Graph): void {
  const given =
    /^(?:Bearer|OAuth) (\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ??
    url.searchParams.get('access_token');
  if (!given)
    throw new GraphFailure(190, 'An access token is required: send the header authorization: Bearer …');
  const { tokens } = network.state.graph.app;
  if (!tokens) return;
  const known = tokens.find(({ token }) => token === given);
  if (!known) throw new GraphFailure(190, 'Invalid OAuth access token - Cannot parse access token');
  if (known.isExpired === true)
    throw new GraphFailure(190, 'Error validating access token: Session has expired', { subcode: 463 });
}

/** @throws GraphFailure for a body that is neither JSON nor a form */
async function parametersOf(
  { request, read }: Omit<Call, 'body'>,
  url: URL,
): Promise<Record<string, unknown>> {
  const { access_token: _, ...query } = Object.fromEntries(url.searchParams);
  const bytes = await read(LARGEST_BODY_BYTES);
  if (bytes.length === 0) return query;
  const type = request.headers.get('content-type') ?? '';
  if (type.includes('multipart/form-data')) {
    const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': type } }).formData();
    return { ...query, ...Object.fromEntries(form) };
  }
  if (type.includes('x-www-form-urlencoded'))
    return { ...query, ...Object.fromEntries(new URLSearchParams(bytes.toString('utf8'))) };
  const body = parseJson(bytes.toString('utf8'));
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new GraphFailure(100, 'The body is no JSON object');
  return { ...query, ...body };
}

function refusalOf(error: unknown): Response {
  if (error instanceof GraphFailure) return Response.json(error.body(), { status: error.status });
  if (error instanceof BadJson || error instanceof BodyCutShort)
    return refusalOf(new GraphFailure(100, error.message));
  if (error instanceof BodyTooLarge) return refusalOf(new GraphFailure(131053, error.message));
  if (error instanceof TooManyBodies) {
    const failure = new GraphFailure(2, error.message);
    return Response.json(failure.body(), {
      status: failure.status,
      headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
    });
  }
  return refusalOf(new GraphFailure(1, `An unknown error occurred: ${(error as Error).message}`));
}
