import { describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate } from '../../../src/base/pki/certificates.ts';
import type { ConformanceApi } from '../../support/conformanceApi.ts';
import { failure } from '../../support/conformanceApi.ts';

export function certificates(api: ConformanceApi): void {
  const { call } = api;
  describe('certificates', () => {
    it('of the webhook are replaced, read and removed', async () => {
      const path = '/v1/certificates/webhooks/ca';
      expect(failure(await call('GET', path))).toEqual([404, 1006, 'No webhook CA certificates found']);
      expect(failure(await call('POST', path, 'no pem', { type: 'text/plain' })).slice(0, 2)).toEqual([
        400, 1009,
      ]);
      expect((await call('POST', path, api.receiver.caPem, { type: 'text/plain' })).status).toBe(200);
      const shown = await call('GET', path);
      expect([shown.headers['content-type'], shown.bytes.toString()]).toEqual([
        'text/plain;charset=UTF-8',
        api.receiver.caPem,
      ]);
      expect((await call('DELETE', path)).status).toBe(200);
      await call('POST', path, api.receiver.caPem, { type: 'text/plain' });
    });

    it('of the Webapp are accepted with key and intermediates, and served after a restart', async () => {
      const authority = await createAuthority({ subject: 'CN=own CA' });
      const pair = await issueCertificate(authority, {
        commonName: 'shop.test',
        hosts: ['shop.test'],
        usage: 'server',
      });
      const path = '/v1/certificates/external';
      for (const wrong of [pair.certificatePem, pair.privateKeyPem + pair.certificatePem, 'x'])
        expect(failure(await call('POST', path, wrong, { type: 'text/plain' })).slice(0, 2)).toEqual([
          400, 1009,
        ]);
      const file = pair.privateKeyPem + pair.certificatePem + authority.certificatePem;
      expect((await call('POST', path, file, { type: 'text/plain' })).status).toBe(200);
      const before = (await call('GET', `${path}/ca`)).bytes.toString();
      expect(before).toBe(api.stack.address().caPem);
      await api.stack.restartWebapp();
      expect((await call('GET', `${path}/ca`)).bytes.toString().trim()).toBe(authority.certificatePem.trim());
    });
  });
}
