import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpsServer, startHttpsServer } from '../../../../test/support/httpsServer.ts';
import { VirtualClock } from '../../../base/virtualClock.ts';
import { type Posted, WebhookPoster } from './webhookPoster.ts';

let server: HttpsServer;
const arrived: (() => void)[] = [];
const dripping = new Set<NodeJS.Timeout>();
beforeAll(async () => {
  server = await startHttpsServer((request, response) => {
    request.resume();
    for (const tell of arrived.splice(0)) tell();
    const socket = request.socket as Socket;
    switch (request.url) {
      case '/drips-body':
        response.writeHead(503);
        dripping.add(setInterval(() => response.write('.'), 5));
        return;
      case '/drips-head':
        socket.write('HTTP/1.1 200 OK\r\n');
        dripping.add(setInterval(() => socket.writable && socket.write('x-a: b\r\n'), 5));
        return;
      case '/floods':
        response.writeHead(200);
        dripping.add(setInterval(() => response.write('x'.repeat(100_000)), 1));
        return;
      case '/upgrades':
        socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n');
        return;
      case '/closes':
        socket.destroy();
        return;
      default:
        response.writeHead(Number(request.url?.slice(1))).end('thanks');
    }
  });
});
afterAll(async () => {
  for (const timer of dripping) clearInterval(timer);
  await server.close();
});

/** Posts to a receiver while the clock moves: it never stands still for a receiver that is not silent. */
async function post(path: string): Promise<Posted> {
  const clock = new VirtualClock();
  const poster = new WebhookPoster(clock);
  poster.configure({ maxConcurrentRequests: 6, ca: server.caPem });
  const begun = new Promise<void>((resolve) => arrived.push(resolve));
  const outcome = poster.post(`${server.url}${path}`, '{}');
  await Promise.race([begun, outcome]);
  // What it sends gets here.
  await new Promise((resolve) => setTimeout(resolve, 100));
  await clock.advance(20_000);
  const result = await outcome;
  poster.close();
  return result;
}

describe('a callback', () => {
  it.each([
    ['/200', undefined],
    ['/201', 'HTTP 201'],
    ['/503', 'HTTP 503'],
    ['/upgrades', 'HTTP 101'],
    ['/drips-body', 'HTTP 503'],
    ['/drips-head', 'no answer within 20000 ms'],
    ['/floods', undefined],
  ])('to a receiver that answers like %s ends with %s', async (path, problem) => {
    expect((await post(path)).problem).toBe(problem);
  });

  it('has the status and the beginning of the answer', async () => {
    expect(await post('/503')).toEqual({ status: 503, problem: 'HTTP 503', answer: 'thanks' });
  });

  it('to a receiver that closes the connection, or to nobody, ends with the error', async () => {
    expect((await post('/closes')).problem).toMatch(/hang up|ECONNRESET|closed/);
    const poster = new WebhookPoster(new VirtualClock());
    poster.configure({ maxConcurrentRequests: 6, ca: undefined });
    for (const url of ['https://', 'https://receiver.invalid/', 'https://127.0.0.1:1/'])
      expect((await poster.post(url, '{}')).problem).toEqual(expect.any(String));
    poster.close();
  });
});
