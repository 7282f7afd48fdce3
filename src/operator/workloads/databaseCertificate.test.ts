import { X509Certificate } from 'node:crypto';
import { checkServerIdentity, createSecureContext } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { generateSecret } from './generatedSecrets.ts';

const YEAR_MS = 365 * 86_400_000;

describe('the generated certificate of a managed database', () => {
  it('is for the name that the nodes connect to, signed by its CA, and outlives the stack', async () => {
    const name = 'a-stack-with-a-name-that-is-nearly-as-long-as-names-may-be';
    const resource = whatsAppDeployment({ metadata: { name, namespace: 'shops' } });
    const { stringData = {} } = (await generateSecret(resource, `${name}-database-certificate`)) as {
      readonly stringData?: Readonly<Record<string, string>>;
    };
    expect(Object.keys(stringData).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
    const [authority, server] = [stringData['ca.crt'], stringData['tls.crt']].map(
      (pem) => new X509Certificate(pem ?? ''),
    );
    if (!authority || !server) throw new Error('no certificates');
    expect([authority.ca, server.ca]).toEqual([true, false]);
    expect(server.verify(authority.publicKey) && server.checkIssued(authority)).toBe(true);
    expect(checkServerIdentity(`${name}-database.shops.svc`, server.toLegacyObject())).toBeUndefined();
    expect(checkServerIdentity('other-database.shops.svc', server.toLegacyObject())).toBeInstanceOf(Error);
    for (const { validTo } of [authority, server])
      expect(Date.parse(validTo) - Date.now()).toBeGreaterThan(9 * YEAR_MS);
    // Throws if the key is not that of the certificate.
    createSecureContext({ cert: stringData['tls.crt'], key: stringData['tls.key'] });
  });
});
