import { describe, expect, it } from 'vitest';
import type { ConformanceApi } from '../../support/conformanceApi.ts';
import { failure } from '../../support/conformanceApi.ts';
import { CODE, certificateFor } from '../../support/emulatorStack.ts';
import { eventually } from '../../support/eventually.ts';

export function account(api: ConformanceApi): void {
  const { call, hasPin } = api;
  describe('the account', () => {
    const number = () => ({ cc: '1', phone_number: api.stack.number.slice(1) });

    it('is unregistered, then requests a code, and is registered with it', async () => {
      await eventually(
        async () => (await call('GET', '/v1/health')).json.health?.gateway_status === 'unregistered',
      );
      expect((await call('GET', '/v1/support')).json.support).toMatchObject({
        debug_info: 'unregistered',
        db_engine: api.database.engine,
      });
      expect(failure(await call('POST', '/v1/account/verify', { code: '1' })).slice(0, 2)).toEqual([
        400, 1009,
      ]);
      expect(
        failure(await call('POST', '/v1/account', { ...number(), method: 'fax', cert: 'x' })).slice(0, 2),
      ).toEqual([400, 1009]);
      expect(failure(await call('POST', '/v1/account', { ...number(), method: 'sms', cert: 'x' }))).toEqual([
        403,
        1005,
        "Registration failed for reason 'biz_link_info_invalid_payload'.",
      ]);
      const requested = { ...number(), method: 'SMS', cert: certificateFor(api.stack.number) };
      const sent = await call('POST', '/v1/account', requested);
      expect([sent.status, sent.json.account]).toEqual([202, [{ vname: 'Test Shop' }]]);
      expect(sent.json.meta.version).toBe('2.57.1');
      expect(sent.headers['x-internal-request-ids']).toMatch(/^[0-9a-f]{32}$/);
      expect(failure(await call('POST', '/v1/account', requested))[2]).toMatch(
        /^Please wait 0 hour\(s\) \d+ minute\(s\) before trying again$/,
      );
      expect(failure(await call('POST', '/v1/account/verify', { code: '000-000' })).slice(0, 2)).toEqual([
        403, 1005,
      ]);
      expect((await call('POST', '/v1/account/verify', { code: CODE.replace(/^(...)/, '$1-') })).status).toBe(
        201,
      );
      await eventually(
        async () => (await call('GET', '/v1/health')).json.health.gateway_status === 'connected',
      );
      expect((await call('POST', '/v1/account', requested)).status).toBe(201);
      expect((await call('GET', '/v1/support')).json.support.debug_info).toBe(api.stack.number);
    });

    it('has one shard, which a single instance cannot split', async () => {
      expect((await call('GET', '/v1/account/shards')).json.account).toEqual({ shards: 1 });
      const cert = certificateFor(api.stack.number);
      expect((await call('POST', '/v1/account/shards', { ...number(), shards: '1', cert })).status).toBe(201);
      expect(
        failure(await call('POST', '/v1/account/shards', { ...number(), shards: 3, cert })).slice(0, 2),
      ).toEqual([400, 1009]);
      expect(
        failure(await call('POST', '/v1/account/shards', { ...number(), shards: 2, cert })).slice(0, 2),
      ).toEqual([400, 1009]);
      expect(
        failure(await call('POST', '/v1/account/shards', { ...number(), shards: 1 })).slice(0, 2),
      ).toEqual([400, 1008]);
    });

    it('requires the two-step PIN once one is set', async () => {
      expect(failure(await call('POST', '/v1/settings/account/two-step', { pin: '12' })).slice(0, 2)).toEqual(
        [400, 1009],
      );
      expect((await call('POST', '/v1/settings/account/two-step', { pin: '123456' })).status).toBe(200);
      expect(await hasPin()).toBe(true);
      expect((await call('DELETE', '/v1/settings/account/two-step')).status).toBe(200);
      expect(await hasPin()).toBe(false);
    });
  });
}
