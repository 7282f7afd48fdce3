import { createServer, type Server } from 'node:https';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate, type KeyPair } from '../../base/pki/certificates.ts';
import { listen } from '../../base/ports.ts';
import type { ProbeScope } from './probeTargets.ts';
import { probeWebhook } from './webhookProbe.ts';

const never = new AbortController().signal;
const probe = (url: string, ca: string | undefined, signal: AbortSignal, scope: ProbeScope = 'All') =>
  probeWebhook({ url, ca, namespace: 'default' }, scope, signal);
const servers: Server[] = [];
let authority: KeyPair;
let pair: KeyPair;
beforeAll(async () => {
  authority = await createAuthority({ subject: 'CN=receiver' });
  pair = await issueCertificate(authority, {
    commonName: 'localhost',
    hosts: ['localhost'],
    usage: 'server',
  });
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A receiver that answers with a status, or not at all, and stores what it receives. */
async function receiver(status: number | undefined) {
  const bodies: string[] = [];
  const server = createServer({ cert: pair.certificatePem, key: pair.privateKeyPem }, (request, response) => {
    request.on('data', (chunk) => bodies.push(String(chunk)));
    request.on('end', () => status && response.writeHead(status).end());
  });
  servers.push(server);
  const port = await listen(server, { host: 'localhost', port: 0 });
  return { url: `https://localhost:${port}/hook`, bodies };
}

describe('a probe of a webhook receiver', () => {
  it('posts an empty callback, and accepts 200', async () => {
    const { url, bodies } = await receiver(200);
    expect(await probe(url, authority.certificatePem, never)).toMatchObject({
      layer: 'Status',
      problem: undefined,
    });
    expect(bodies).toEqual(['{}']);
  });

  it('reports another status', async () => {
    const { url } = await receiver(202);
    expect(await probe(url, authority.certificatePem, never)).toMatchObject({
      layer: 'Status',
      problem: expect.stringMatching(/with 202; it must answer with 200/),
    });
  });

  it('reports an untrusted certificate, and the field that names its CA', async () => {
    const { url, bodies } = await receiver(200);
    expect(await probe(url, undefined, never)).toMatchObject({
      layer: 'Tls',
      problem: expect.stringMatching(/localhost is not trusted .*spec\.webhook\.caSecretRef/),
    });
    expect(bodies).toEqual([]);
  });

  it('reports a port that accepts no connection', async () => {
    expect(await probe('https://127.0.0.1:9/hook', undefined, never)).toMatchObject({
      layer: 'Connect',
      problem: expect.stringContaining('127.0.0.1 port 9'),
    });
  });

  it('reports a name without an address, and the field that holds it', async () => {
    expect(await probe('https://nobody.invalid/hook', undefined, never)).toMatchObject({
      layer: 'Dns',
      problem: expect.stringMatching(/nobody\.invalid .*spec\.webhook\.url/),
    });
  });

  it('connects to no private address of another namespace unless all are allowed, and says so', async () => {
    const { url, bodies } = await receiver(200);
    expect(await probe(url, authority.certificatePem, never, 'Public')).toMatchObject({
      problem: undefined,
      skipped: expect.stringMatching(/^localhost has the address .*--webhook-probes=All/),
    });
    expect(bodies).toEqual([]);
  });

  it('ends with the reason of an aborted signal, without a verdict on the receiver', async () => {
    const silent = await receiver(undefined);
    const stop = new AbortController();
    const probing = probe(silent.url, authority.certificatePem, stop.signal);
    await expect.poll(() => silent.bodies.length).toBe(1);
    stop.abort(new Error('stopped'));
    await expect(probing).rejects.toThrow('stopped');

    const healthy = await receiver(200);
    const late = probe(healthy.url, authority.certificatePem, stop.signal);
    await expect(late).rejects.toThrow('stopped');
    expect(healthy.bodies).toEqual([]);
  });
});
