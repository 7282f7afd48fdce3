import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startHttpsServer } from '../../../test/support/httpsServer.ts';
import { freePort } from '../../base/ports.ts';
import { HttpGraphTransport, RequestNotSent } from './graphTransport.ts';

const never = new AbortController().signal;
const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
  vi.unstubAllEnvs();
});

function transport(): HttpGraphTransport {
  const made = new HttpGraphTransport();
  closers.push(() => made.close());
  return made;
}
async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}
const served = async (listener: RequestListener): Promise<string> =>
  `http://127.0.0.1:${await listening(createServer(listener))}`;
/** A server that speaks no TLS. */
const silent = (onConnection: (socket: Socket) => void): Promise<number> =>
  listening(createTcpServer(onConnection));
async function untrusted(): Promise<string> {
  const { url, close } = await startHttpsServer((_, response) => response.end('never'));
  closers.push(close);
  return url;
}
const post = (url: string) => ({ method: 'POST', url, headers: {}, body: '{}' });

describe('a request to Graph', () => {
  it('is answered with status, type and bytes, and keeps its connection', async () => {
    const ports = new Set<number | undefined>();
    const url = await served((request, response) => {
      ports.add(request.socket.remotePort);
      response.writeHead(201, { 'content-type': 'text/x' });
      response.end(`${request.method} ${request.url} ${request.headers['content-length']}`);
    });
    const { call } = transport();
    for (let times = 0; times < 3; times++)
      expect(await call(post(`${url}/a?b`), never)).toMatchObject({
        status: 201,
        type: 'text/x',
        body: Buffer.from('POST /a?b 2'),
      });
    expect(ports.size).toBe(1);
  });

  it.each([
    ['nobody listens', async () => `http://127.0.0.1:${await freePort()}/`],
    ['the name is unknown', async () => 'http://graph.invalid/'],
    ['the certificate is not trusted', untrusted],
    [
      'the handshake breaks off',
      async () => `https://127.0.0.1:${await silent((socket) => socket.destroy())}/`,
    ],
  ])('has not left when %s', async (_, url) => {
    await expect(transport().call(post(await url()), never)).rejects.toBeInstanceOf(RequestNotSent);
  });

  it('goes by the proxy of HTTPS_PROXY, except to hosts of NO_PROXY, and has not left when the proxy refuses it', async () => {
    const asked: (string | undefined)[] = [];
    const proxy = createServer().on('connect', ({ url }, socket) => {
      asked.push(url);
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${await listening(proxy)}`);
    const { call } = transport();
    await expect(call(post('https://graph.invalid/'), never)).rejects.toBeInstanceOf(RequestNotSent);
    expect(asked).toEqual(['graph.invalid:443']);
    vi.stubEnv('NO_PROXY', 'graph.invalid');
    await expect(call(post('https://graph.invalid/'), never)).rejects.toBeInstanceOf(RequestNotSent);
    expect(asked).toHaveLength(1);
  });

  it('has not left when the server behind a proxy is not trusted', async () => {
    const proxy = createServer().on('connect', ({ url }, socket) => {
      const [host, port] = String(url).split(':');
      const server = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(server).pipe(socket);
      });
      for (const end of [socket, server]) end.on('error', () => {});
    });
    const url = await untrusted();
    vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${await listening(proxy)}`);
    vi.stubEnv('NO_PROXY', '');
    const sent = transport().call(post(url), never);
    await expect(sent).rejects.toBeInstanceOf(RequestNotSent);
    await expect(sent).rejects.toMatchObject({ cause: { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' } });
  });

  it('has not left when the handshake takes too long', async () => {
    const over = new AbortController();
    const port = await silent(() => over.abort(new Error('too late')));
    const sent = transport().call(post(`https://127.0.0.1:${port}/`), over.signal);
    await expect(sent).rejects.toBeInstanceOf(RequestNotSent);
    await expect(sent).rejects.toMatchObject({ cause: { message: 'too late' } });
  });

  it.each<[string, RequestListener]>([
    ['the connection is cut before the answer', (request) => request.socket.destroy()],
    [
      'the connection is cut within the answer',
      (request, response) => {
        response.writeHead(200, { 'content-length': '10' });
        response.write('half', () => request.socket.destroy());
      },
    ],
  ])('may have arrived when %s', async (_, listener) => {
    const sent = transport().call(post(`${await served(listener)}/`), never);
    await expect(sent).rejects.toThrow();
    await expect(sent).rejects.not.toBeInstanceOf(RequestNotSent);
  });

  it('may have arrived when no answer comes in time', async () => {
    const over = new AbortController();
    const url = await served(() => over.abort(new Error('too late')));
    await expect(transport().call(post(`${url}/`), over.signal)).rejects.toThrow('too late');
  });

  it('may have arrived when a kept connection is cut under it', async () => {
    let isFirst = true;
    const url = await served((request, response) => {
      if (!isFirst) return void request.socket.destroy();
      isFirst = false;
      response.end('ok');
    });
    const { call } = transport();
    await call(post(`${url}/`), never);
    await expect(call(post(`${url}/`), never)).rejects.not.toBeInstanceOf(RequestNotSent);
  });
});
