import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpsServer, startHttpsServer } from '../../../../test/support/httpsServer.ts';
import { certificatesIn, seeReceiver } from './seenCertificates.ts';

const never = new AbortController().signal;
let server: HttpsServer;
beforeAll(async () => {
  server = await startHttpsServer((_, response) => void response.writeHead(200).end());
});
afterAll(() => server.close());

describe('a webhook receiver', () => {
  it('shows its chain and when it ends, trusted by the CA that spec names', async () => {
    const seen = await seeReceiver({ url: server.url, ca: server.caPem }, never);
    expect(seen.chain[0]).toBe('CN=test');
    expect(seen.untrusted).toBeUndefined();
    expect(seen.notAfter).toBeGreaterThan(Date.now());
  });

  it('is not trusted without its CA, and is a result, too, when it does not answer', async () => {
    expect((await seeReceiver({ url: server.url, ca: undefined }, never)).untrusted).toBeTruthy();
    const silent = await seeReceiver({ url: 'https://127.0.0.1:9/hook', ca: undefined }, never);
    expect(silent).toMatchObject({
      host: '127.0.0.1',
      chain: [],
      problem: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

it('reads the certificates of a Secret, and nothing of its keys', () => {
  const broken = '-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n';
  const content = { 'ca.crt': `${server.caPem}${broken}`, 'tls.key': 'planted' };
  expect(certificatesIn('shop-tls', content, true)).toMatchObject([
    { where: 'Secret shop-tls, key ca.crt', subject: 'CN=test authority', isRenewed: true },
  ]);
});
