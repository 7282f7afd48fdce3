import { createServer as createHttpServer } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type HttpsServer, startHttpsServer } from '../../../test/support/httpsServer.ts';
import { encodeAnswer, encodeFrame } from '../../../test/support/protobufEncoder.ts';
import { systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { listen } from '../../base/ports.ts';
import type { Credentials } from './credentials.ts';
import { kinds } from './kubeObject.ts';
import { ProtobufReader } from './protobuf/protobufReader.ts';
import { HttpsTransport, type TransportOptions } from './transport.ts';

const never = new AbortController().signal;
const GET = { method: 'GET' as const, path: '/api' };
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const serve = async (handler: Parameters<typeof startHttpsServer>[0]): Promise<HttpsServer> => {
  const server = await startHttpsServer(handler);
  closing.push(server.close);
  return server;
};
const ok: Parameters<typeof startHttpsServer>[0] = (_, response) => void response.end('{}');
const credentialsOf = ({ url, caPem }: HttpsServer, change: Partial<Credentials> = {}): Credentials => ({
  server: url,
  namespace: 'default',
  identity: async () => ({ revision: 'r', tls: { ca: caPem } }),
  ...change,
});
const transportTo = (
  credentials: Credentials,
  options: Partial<Omit<TransportOptions, 'credentials'>> = {},
): HttpsTransport => {
  const transport = new HttpsTransport({ credentials, clock: systemClock, userAgent: 'test/1', ...options });
  closing.push(() => transport.close());
  return transport;
};

describe('the transport', () => {
  it('asks the fence when the connection stands and nothing is written yet', async () => {
    const order: string[] = [];
    const server = await serve((_, response) => {
      order.push('request');
      response.end('{}');
    });
    server.server.on('connection', () => order.push('connection'));
    let allowed = true;
    const transport = transportTo(credentialsOf(server), {
      fence: () => {
        order.push('fence');
        if (!allowed) throw new CodedError('NotLeader', 'no');
      },
    });
    await transport.request(GET, never);
    expect(order).toEqual(['connection', 'fence', 'request']);
    allowed = false;
    await expect(transport.request(GET, never)).rejects.toMatchObject({ code: 'NotLeader' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(order.filter((entry) => entry === 'request')).toHaveLength(1);
  });

  it('keeps connections for requests free, however many watches are open', async () => {
    const server = await serve((request, response) => {
      if (request.url?.startsWith('/watch')) response.write('{}\n');
      else response.end('{}');
    });
    const transport = transportTo(credentialsOf(server));
    const stop = new AbortController();
    const open = Array.from({ length: 50 }, async () => {
      const lines = transport.stream({ method: 'GET', path: '/watch' }, stop.signal);
      return (await lines[Symbol.asyncIterator]().next()).value;
    });
    expect(await Promise.all(open)).toHaveLength(50);
    await transport.request(GET, never);
    stop.abort(new Error('done'));
  });

  it('has one deadline for a call with all the waits that the server asks for', async () => {
    const server = await serve((_, response) => response.writeHead(429, { 'retry-after': '1' }).end('{}'));
    const transport = transportTo(credentialsOf(server), { requestTimeoutMs: 300 });
    await expect(transport.request(GET, never)).rejects.toMatchObject({
      code: 'Transport',
      cause: { code: 'Deadline' },
    });
  });

  it('breaks a request off when its signal fires, with the reason of that', async () => {
    const server = await serve(() => {});
    const stop = new AbortController();
    const asked = transportTo(credentialsOf(server)).request(GET, stop.signal);
    const reason = new Error('lease lost');
    setTimeout(() => stop.abort(reason), 50);
    await expect(asked).rejects.toBe(reason);
  });

  it('connects anew when the certificate changes, and not before', async () => {
    const server = await serve(ok);
    let connections = 0;
    server.server.on('secureConnection', () => {
      connections += 1;
    });
    let revision = 'first';
    const transport = transportTo(
      credentialsOf(server, { identity: async () => ({ revision, tls: { ca: server.caPem } }) }),
    );
    await transport.request(GET, never);
    await transport.request(GET, never);
    expect(connections).toBe(1);
    revision = 'second';
    await transport.request(GET, never);
    expect(connections).toBe(2);
  });

  it('goes through the proxy that the environment names, and past it where NO_PROXY says so', async () => {
    const server = await serve(ok);
    const tunnelled: string[] = [];
    const proxy = createHttpServer().on('connect', (request, socket) => {
      tunnelled.push(request.url ?? '');
      const [host = '', port = ''] = request.url?.split(':') ?? [];
      const upstream = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      for (const end of [socket, upstream]) end.on('error', () => {});
    });
    const proxyPort = await listen(proxy, { host: '127.0.0.1', port: 0 });
    closing.push(() => proxy.close());
    const before = { ...process.env };
    closing.push(() => Object.assign(process.env, before));
    delete process.env.NO_PROXY;
    delete process.env.no_proxy;
    process.env.https_proxy = `http://127.0.0.1:${proxyPort}`;
    closing.push(() => {
      delete process.env.https_proxy;
    });
    const through = transportTo(credentialsOf(server));
    await through.request(GET, never);
    expect(tunnelled).toEqual([new URL(server.url).host]);
    process.env.no_proxy = '127.0.0.1';
    closing.push(() => {
      delete process.env.no_proxy;
    });
    await transportTo(credentialsOf(server)).request(GET, never);
    expect(tunnelled).toHaveLength(1);
  });

  it('gives up an answer that breaks off as no answer, which may be tried again', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{');
      setTimeout(() => response.destroy(), 20);
    });
    await expect(transportTo(credentialsOf(server)).request(GET, never)).rejects.toMatchObject({
      code: 'Transport',
      retriable: true,
    });
  });
});

describe('the encoding of answers', () => {
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', namespace: 'shop', resourceVersion: '1' },
    data: { key: 'value' },
  };
  const reader = ProtobufReader.of(kinds.ConfigMap);
  const protobuf = 'application/vnd.kubernetes.protobuf';
  const answering = (
    answer: (accept: string) => { type: string; body: Buffer | string; status?: number },
  ) => {
    const accepted: string[] = [];
    const server = serve((request, response) => {
      accepted.push(request.headers.accept ?? '');
      const { type, body, status = 200 } = answer(request.headers.accept ?? '');
      response.writeHead(status, { 'content-type': type }).end(body);
    });
    return { accepted, server };
  };

  it('is protobuf where the request has a reader for it', async () => {
    const { server, accepted } = answering(() => ({ type: protobuf, body: encodeAnswer(object) }));
    expect(await transportTo(credentialsOf(await server)).request({ ...GET, reader }, never)).toEqual(object);
    expect(accepted).toEqual([`${protobuf},application/json`]);
  });

  it('is JSON where the server answers so, asked for protobuf or not', async () => {
    const { server } = answering(() => ({ type: 'application/json', body: JSON.stringify(object) }));
    const transport = transportTo(credentialsOf(await server));
    expect(await transport.request({ ...GET, reader }, never)).toEqual(object);
    const lines: (string | Buffer)[] = [];
    for await (const line of transport.stream({ ...GET, reader }, never)) lines.push(line);
    expect(lines).toEqual([JSON.stringify(object)]);
  });

  it('is JSON from then on where the server refuses protobuf', async () => {
    const { server, accepted } = answering((accept) =>
      accept.includes('protobuf')
        ? { status: 406, type: 'text/plain', body: 'only JSON' }
        : { type: 'application/json', body: JSON.stringify(object) },
    );
    const transport = transportTo(credentialsOf(await server));
    expect(await transport.request({ ...GET, reader }, never)).toEqual(object);
    expect(await transport.request({ ...GET, reader }, never)).toEqual(object);
    expect(accepted).toEqual([`${protobuf},application/json`, 'application/json', 'application/json']);
  });

  it('is JSON where the process is told so', async () => {
    const { server, accepted } = answering(() => ({ type: 'application/json', body: '{}' }));
    await transportTo(credentialsOf(await server), { encoding: 'json' }).request({ ...GET, reader }, never);
    expect(accepted).toEqual(['application/json']);
  });

  it('does not change what a refusal says', async () => {
    const status = {
      apiVersion: 'v1',
      kind: 'Status',
      metadata: {},
      code: 409,
      reason: 'Conflict',
      message: 'changed meanwhile',
    };
    const { server } = answering(() => ({ status: 409, type: protobuf, body: encodeAnswer(status) }));
    const refused = transportTo(credentialsOf(await server)).request({ ...GET, reader }, never);
    await expect(refused).rejects.toMatchObject({
      status: 409,
      code: 'Conflict',
      message: 'GET /api: changed meanwhile',
    });
  });

  it('gives the frames of a watch', async () => {
    const { server } = answering(() => ({
      type: `${protobuf};stream=watch`,
      body: Buffer.concat([encodeFrame('ADDED', object), encodeFrame('DELETED', object)]),
    }));
    const events: unknown[] = [];
    for await (const frame of transportTo(credentialsOf(await server)).stream({ ...GET, reader }, never))
      events.push(reader?.event(frame as Buffer));
    expect(events).toEqual([
      { type: 'ADDED', object },
      { type: 'DELETED', object },
    ]);
  });
});
