import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpsServer, startHttpsServer } from '../../test/support/httpsServer.ts';
import { discard, openHttps } from './openHttps.ts';

const never = new AbortController().signal;
let server: HttpsServer;

beforeAll(async () => {
  server = await startHttpsServer((request, response) => {
    if (request.url === '/silent') return;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => response.writeHead(201).end(`${request.method} ${Buffer.concat(chunks)}`));
  });
});
afterAll(() => server.close());

const open = (path: string, more: object = {}, signal = never) =>
  openHttps({ to: `${server.url}${path}`, ca: server.caPem, timeoutMs: 5_000, ...more }, signal);

describe('an HTTPS request', () => {
  it('sends a body and returns the response', async () => {
    const response = await open('/', { method: 'POST', body: 'hello' });
    expect([response.statusCode, (await response.toArray()).join('')]).toEqual([201, 'POST hello']);
  });

  it('sends a body that comes in pieces', async () => {
    const response = await open('/', { method: 'PUT', body: [Buffer.from('a'), Buffer.from('b')] });
    expect((await response.toArray()).join('')).toBe('PUT ab');
  });

  it('can be told by host and port, and its body be dropped', async () => {
    const { hostname: host, port } = new URL(server.url);
    const response = await open('', { to: { host, port: Number(port), path: '/' } });
    await discard(response);
    expect(response.complete).toBe(true);
  });

  it('fails when nobody answers in time, and when its signal fires', async () => {
    await expect(open('/silent', { timeoutMs: 50 })).rejects.toThrow('no answer within 50 ms');
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('stopped')), 20);
    await expect(open('/silent', {}, stop.signal)).rejects.toThrow('stopped');
    await expect(open('/', {}, stop.signal)).rejects.toThrow('stopped');
  });

  it('does not trust a certificate of an unknown authority', async () => {
    await expect(open('/', { ca: undefined })).rejects.toThrow(/certificate/);
  });
});
