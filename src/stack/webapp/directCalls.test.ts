import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { JsonAnswer } from '../http/jsonAnswer.ts';
import { BodyCutShort, BodyTooLarge } from '../http/readBody.ts';
import type { Call } from '../http/route.ts';
import { type DirectOptions, directCalls } from './directCalls.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections();
});

type Handle = (call: Omit<Call, 'body'>) => Promise<JsonAnswer | Response>;
const echo: Handle = async ({ request: { headers }, read }) =>
  new JsonAnswer(201, { said: headers.get('X-Said') ?? 'nothing' }, (await read(1_000)).toString());

/** A server that serves `POST /direct` directly, and says `other` to everything else. */
async function serve(handle: Handle, { isQuiet = () => true }: Partial<DirectOptions> = {}) {
  const told: string[] = [];
  const begin: DirectOptions['begin'] =
    () =>
    ({ method, url }, { status }, isCut) =>
      told.push(`${method} ${url.replace(/:[0-9]+/, '')} ${status} ${isCut}`);
  const direct = new Map([['POST /direct', handle]]);
  const server = createServer(
    directCalls({ direct, isQuiet, begin }, (incoming, outgoing) => {
      incoming.resume();
      outgoing.end('other');
    }),
  );
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: (server.address() as AddressInfo).port, told };
}

async function post(port: number, path: string, body: string, headers: Record<string, string | number> = {}) {
  const sent = { 'content-length': Buffer.byteLength(body), ...headers };
  const outgoing = request({ host: '127.0.0.1', port, path, method: 'POST', headers: sent });
  outgoing.end(body);
  const [response] = await once(outgoing, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode, headers: response.headers, text };
}

describe('calls that are served directly', () => {
  it('are answered as their handlers say, and told to the log', async () => {
    const { port, told } = await serve(echo);
    const { status, headers, text } = await post(port, '/direct', '{"é":1}', { 'x-said': 'hello' });
    expect([status, text, headers.said, headers['content-length']]).toEqual([201, '{"é":1}', 'hello', '8']);
    expect(told).toEqual(['POST http://127.0.0.1/direct 201 false']);
  });

  it('may be answered by the Fetch API, without a body too', async () => {
    const { port } = await serve(async () => new Response(null, { status: 401, headers: { a: 'b' } }));
    const { status, headers, text } = await post(port, '/direct', '{}');
    expect([status, headers.a, text]).toEqual([401, 'b', '']);
  });

  it.each<[string, string, string, Record<string, string>]>([
    ['another path', '/direct/', '{}', {}],
    ['a query', '/direct?a=b', '{}', {}],
    ['a long body', '/direct', 'x'.repeat(20_000), {}],
    ['a host that the server may refuse', '/direct', '{}', { host: 'a b' }],
  ])('are not those with %s', async (_, path, body, headers) => {
    const { port } = await serve(echo);
    expect((await post(port, path, body, headers)).text).toBe('other');
  });

  it('are not those that do not say their length, or that a fault may meet', async () => {
    const { port } = await serve(echo);
    const answer = await fetch(`http://127.0.0.1:${port}/direct`, {
      method: 'POST',
      duplex: 'half',
      body: new ReadableStream({
        start: (controller) => {
          controller.enqueue(Buffer.from('{}'));
          controller.close();
        },
      }),
    } as RequestInit);
    expect(await answer.text()).toBe('other');
    const faulty = await serve(echo, { isQuiet: () => false });
    expect((await post(faulty.port, '/direct', '{}')).text).toBe('other');
  });

  it('read no more than they may, and hear of a client that goes away', async () => {
    const errors: unknown[] = [];
    const signals: AbortSignal[] = [];
    const { port, told } = await serve(async ({ read, request: { signal } }) => {
      signals.push(signal);
      const failed = await read(3).catch((error: unknown) => error);
      errors.push(failed);
      return new JsonAnswer(400, {}, '{}');
    });
    expect((await post(port, '/direct', '1234')).status).toBe(400);
    expect(errors).toEqual([expect.any(BodyTooLarge)]);
    const socket = connect(port, '127.0.0.1');
    socket.write('POST /direct HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{');
    await expect.poll(() => signals.length).toBe(2);
    socket.destroy();
    await expect.poll(() => told.length).toBe(2);
    expect(errors[1]).toBeInstanceOf(BodyCutShort);
    expect(told[1]).toMatch(/true$/);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
  });
});
