import { createHash, X509Certificate } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate, type KeyPair } from '../base/pki/certificates.ts';
import { listen } from '../base/ports.ts';
import { Calls } from './calls.ts';
import type { StackUnreachable } from './stackError.ts';
import { type HttpsStackOptions, HttpsStackTransport, STACK_TRANSPORT_DEFAULTS } from './stackTransport.ts';

const never = new AbortController().signal;
const CALLER = { apiKey: 'key' };
const GET = { method: 'GET', path: '/v1/health' } as const;

let authority: KeyPair;
let pair: KeyPair;
const servers: Server[] = [];
const transports: HttpsStackTransport[] = [];
beforeAll(async () => {
  authority = await createAuthority({ subject: 'CN=hostile' });
  pair = await issueCertificate(authority, {
    commonName: 'localhost',
    hosts: ['localhost'],
    usage: 'server',
  });
});
afterEach(() => {
  for (const transport of transports.splice(0)) transport.close();
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A transport to a server that answers like this. */
async function to(answer: (response: ServerResponse) => void, options: { deadlineMs?: number } = {}) {
  const server = createServer({ cert: pair.certificatePem, key: pair.privateKeyPem }, (_, response) =>
    answer(response),
  );
  servers.push(server);
  const port = await listen(server, { host: 'localhost', port: 0 });
  const transport = new HttpsStackTransport({
    host: 'localhost',
    port,
    ca: authority.certificatePem,
    ...options,
  });
  transports.push(transport);
  return transport;
}
const MEBIBYTE = Buffer.alloc(2 ** 20, ' ');
/** Sends until the other side ends the connection, and counts. */
function flood(response: ServerResponse, sent: { bytes: number }) {
  const more = () => {
    while (!response.destroyed && response.write(MEBIBYTE)) sent.bytes += MEBIBYTE.length;
  };
  response.on('drain', more).on('error', () => {});
  more();
}

describe('a call of a hostile stack', () => {
  it('is refused when its answer does not end, before it fills the memory', async () => {
    const sent = { bytes: 0 };
    const transport = await to((response) => flood(response.writeHead(400), sent));
    await expect(transport.request(GET, never)).rejects.toMatchObject({ code: 'Unreachable' });
    expect(sent.bytes).toBeLessThan(STACK_TRANSPORT_DEFAULTS.longestBodyBytes * 2);
  });

  it('reads only the beginning of a refusal of a download', async () => {
    const sent = { bytes: 0 };
    const transport = await to((response) => flood(response.writeHead(500), sent));
    await expect(new Calls(transport).stream(CALLER, GET, never)).rejects.toMatchObject({ code: 'Http500' });
    expect(sent.bytes).toBeLessThan(32 * MEBIBYTE.length);
  });

  it('ends after its deadline although the stack goes on sending', async () => {
    const transport = await to(
      (response) => {
        response.writeHead(200);
        const drip = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(drip));
      },
      { deadlineMs: 200 },
    );
    await expect(transport.request(GET, never)).rejects.toMatchObject({
      code: 'Unreachable',
      cause: { message: 'no complete answer within 200 ms' },
    });
  });

  it('ends with the signal of its caller', async () => {
    const transport = await to((response) => response.writeHead(200).write(' '));
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('stopped')), 50);
    await expect(transport.request(GET, stop.signal)).rejects.toThrow('stopped');
  });
});

describe('a call without an answer', () => {
  it.each([
    ['nobody listens', 'localhost', undefined],
    ['the certificate is not trusted', 'localhost', 'no authority'],
    ['the host is unknown', 'host.invalid', undefined],
  ])('did certainly not arrive if %s', async (_, host, ca) => {
    const server = createServer({ cert: pair.certificatePem, key: pair.privateKeyPem }, () => {});
    servers.push(server);
    const port = await listen(server, { host: 'localhost', port: 0 });
    if (ca === undefined) await new Promise((resolve) => server.close(resolve));
    const transport = new HttpsStackTransport({ host, port });
    transports.push(transport);
    await expect(transport.request(GET, never)).rejects.toMatchObject({
      code: 'Unreachable',
      mayHaveArrived: false,
    });
  });

  it('may have arrived if the connection was cut after the request, also on a connection that served before', async () => {
    let calls = 0;
    const transport = await to((response) => (++calls % 2 ? response.end('{}') : response.destroy()));
    await transport.request(GET, never);
    await expect(transport.request(GET, never)).rejects.toMatchObject({ mayHaveArrived: true });
    expect(calls).toBe(2);
    await transport.request(GET, never);
  });
});

describe('a Webapp whose certificate has expired', () => {
  const keyHashOf = (pem: string) =>
    createHash('sha256')
      .update(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex');
  const certificate = (authorityOf: KeyPair, validDays: number) =>
    issueCertificate(authorityOf, {
      commonName: 'localhost',
      hosts: ['localhost'],
      usage: 'server',
      validDays,
    });
  const EXPIRED_DAYS = -1 / 1440;

  /** What a call to a server with this certificate leads to. */
  async function call(served: KeyPair, options: Partial<HttpsStackOptions>) {
    const seen: string[] = [];
    const server = createServer(
      { cert: served.certificatePem, key: served.privateKeyPem },
      (request, response) => {
        seen.push(request.headers.authorization ?? '');
        response.end('{}');
      },
    );
    servers.push(server);
    const port = await listen(server, { host: 'localhost', port: 0 });
    const transport = new HttpsStackTransport({
      host: 'localhost',
      port,
      ca: authority.certificatePem,
      certificateNames: ['localhost'],
      ...options,
    });
    transports.push(transport);
    const outcome = await transport.request({ ...GET, authorization: 'token' }, never).then(
      ({ status }) => String(status),
      (error: StackUnreachable) => `${error.mayHaveArrived} ${(error.cause as { code?: string }).code}`,
    );
    return [outcome, seen.length];
  }

  it('is called if its key is the uploaded one, and again on the same connection', async () => {
    const expired = await certificate(authority, EXPIRED_DAYS);
    const expiredKeyHash = keyHashOf(expired.certificatePem);
    expect(await call(expired, { expiredKeyHash })).toEqual(['200', 1]);
    expect(await call(expired, {})).toEqual(['false CERT_HAS_EXPIRED', 0]);
  });

  it('is sent nothing if its key is another one, or another authority signed it, or its name is wrong', async () => {
    const expired = await certificate(authority, EXPIRED_DAYS);
    const expiredKeyHash = keyHashOf(expired.certificatePem);
    expect(await call(await certificate(authority, EXPIRED_DAYS), { expiredKeyHash })).toEqual([
      'false CERT_HAS_EXPIRED',
      0,
    ]);
    const stranger = await certificate(await createAuthority({ subject: 'CN=stranger' }), 1);
    const [outcome, calls] = await call(stranger, { expiredKeyHash: keyHashOf(stranger.certificatePem) });
    expect(outcome).toMatch(/^false UNABLE_TO|^false SELF_SIGNED/);
    expect(calls).toBe(0);
    const valid = await certificate(authority, 1);
    const pinned = { expiredKeyHash: keyHashOf(valid.certificatePem) };
    expect(await call(valid, { ...pinned, certificateNames: ['other'] })).toEqual([
      'false ERR_TLS_CERT_ALTNAME_INVALID',
      0,
    ]);
    expect(await call(valid, pinned)).toEqual(['200', 1]);
  });

  it('fails like any other while nobody listens', async () => {
    const transport = new HttpsStackTransport({ host: 'localhost', port: 1, expiredKeyHash: 'none' });
    transports.push(transport);
    await expect(transport.request(GET, never)).rejects.toMatchObject({ mayHaveArrived: false });
  });
});
