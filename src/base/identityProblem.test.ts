import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:https';
import { beforeAll, describe, expect, it } from 'vitest';
import { identityProblem } from './identityProblem.ts';
import { discard, openHttps } from './openHttps.ts';
import { createAuthority, issueCertificate, type KeyPair } from './pki/certificates.ts';
import { listen } from './ports.ts';

const HOSTS = ['db.example.org', '10.0.0.7', 'fd00::7', '::1'];

let authority: KeyPair;
let pair: KeyPair;
beforeAll(async () => {
  authority = await createAuthority({ subject: 'CN=test CA' });
  pair = await issueCertificate(authority, { commonName: 'db', hosts: HOSTS, usage: 'server' });
});

describe('a certificate', () => {
  it.each([
    ['db.example.org', true],
    ['other.example.org', false],
    ['10.0.0.7', true],
    ['10.0.0.8', false],
    ['fd00::7', true],
    ['FD00:0:0:0:0:0:0:7', true],
    ['fd00::8', false],
  ])('is valid for %s: %s', (host, isValid) => {
    const problem = identityProblem(host, new X509Certificate(pair.certificatePem).toLegacyObject());
    expect(problem === undefined).toBe(isValid);
  });

  it('is accepted from a server that is called by its IPv6 address', async () => {
    const server = createServer({ cert: pair.certificatePem, key: pair.privateKeyPem }, (_, response) =>
      response.end(),
    );
    const port = await listen(server, { host: '::1', port: 0 });
    const request = { to: `https://[::1]:${port}/`, ca: authority.certificatePem, timeoutMs: 5_000 };
    const response = await openHttps(request, new AbortController().signal);
    await discard(response);
    server.close();
    server.closeAllConnections();
    expect(response.statusCode).toBe(200);
  });
});
