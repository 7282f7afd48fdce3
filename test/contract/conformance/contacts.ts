import { describe, expect, it } from 'vitest';
import type { ConformanceApi } from '../../support/conformanceApi.ts';
import { CUSTOMER, failure } from '../../support/conformanceApi.ts';

export function contacts(api: ConformanceApi): void {
  const { call } = api;
  describe('contacts', () => {
    it('return the WhatsApp id of every usable number, and identities until they are acknowledged', async () => {
      const { json } = await call('POST', '/v1/contacts', {
        blocking: 'wait',
        contacts: ['+1 (650) 555-1234', '00999'],
      });
      expect(json.contacts).toEqual([
        { input: '+1 (650) 555-1234', status: 'valid', wa_id: CUSTOMER },
        { input: '00999', status: 'invalid' },
      ]);
      expect(failure(await call('POST', '/v1/contacts', { contacts: [] })).slice(0, 2)).toEqual([400, 1009]);
      const path = `/v1/contacts/${CUSTOMER}/identity`;
      const identity = (await call('GET', path)).json.contacts;
      expect(identity).toMatchObject({
        hash: expect.any(String),
        created_timestamp: expect.any(Number),
        acknowledged: true,
      });
      expect((await call('PUT', path, { hash: identity.hash })).status).toBe(200);
      expect(failure(await call('PUT', path, { hash: 'other' })).slice(0, 2)).toEqual([400, 1009]);
    });
  });
}
