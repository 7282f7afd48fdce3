import { createServer, request } from 'node:https';
import { describe, expect, it } from 'vitest';
import { listen } from '../ports.ts';
import { createAuthority, issueCertificate } from './certificates.ts';

const answers = async (algorithm: 'EC' | 'RSA', trusted: 'own' | 'other', host = '127.0.0.1') => {
  const authority = await createAuthority({ subject: 'CN=test CA', algorithm });
  const other = await createAuthority({ subject: 'CN=test CA', algorithm });
  const { certificatePem, privateKeyPem } = await issueCertificate(authority, {
    commonName: 'web',
    hosts: ['127.0.0.1', 'web.test'],
    usage: 'server',
  });
  const server = createServer({ cert: certificatePem, key: privateKeyPem }, (_, response) =>
    response.end('ok'),
  );
  const port = await listen(server, { host: '127.0.0.1', port: 0 });
  try {
    return await new Promise<number | undefined>((resolve, reject) => {
      const ca = (trusted === 'own' ? authority : other).certificatePem;
      request(
        { host: '127.0.0.1', port, ca, servername: host === '127.0.0.1' ? '' : host, agent: false },
        (response) => resolve(response.statusCode),
      )
        .on('error', reject)
        .end();
    });
  } finally {
    server.close();
    server.closeAllConnections();
  }
};

describe('certificates', () => {
  it.each(['EC', 'RSA'] as const)(
    'are accepted by a client that trusts their %s authority',
    async (algorithm) => {
      expect(await answers(algorithm, 'own')).toBe(200);
      expect(await answers(algorithm, 'own', 'web.test')).toBe(200);
    },
  );

  it('are refused by a client that trusts another authority of the same name', async () => {
    await expect(answers('EC', 'other')).rejects.toThrow();
  });

  it('are refused for a host that they do not name', async () => {
    await expect(answers('EC', 'own', 'elsewhere.test')).rejects.toThrow(/altnames/);
  });
});
