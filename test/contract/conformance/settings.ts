import { describe, expect, it } from 'vitest';
import type { ConformanceApi } from '../../support/conformanceApi.ts';
import { failure, PNG } from '../../support/conformanceApi.ts';

export function settings(api: ConformanceApi): void {
  const { call } = api;
  describe('settings', () => {
    it('of the application are merged, refuse unknown fields, and can be reset to their defaults', async () => {
      const path = '/v1/settings/application';
      const defaults = (await call('GET', path)).json.settings.application;
      expect(defaults).toMatchObject({
        callback_persist: true,
        heartbeat_interval: 5,
        wa_id: api.stack.number,
      });
      expect((await call('PATCH', path, { webhooks: { max_concurrent_requests: 12 } })).status).toBe(200);
      expect((await call('GET', path)).json.settings.application.webhooks).toEqual({
        ...defaults.webhooks,
        max_concurrent_requests: 12,
      });
      for (const [body, code] of [
        [{ webhooks: { url: 'http://plain' } }, 1009],
        [{ webhooks: { max_concurrent_requests: 7 } }, 1009],
        [{ no_such_setting: true }, 1010],
        [{ callback_persist: 'yes' }, 1009],
        [{ pass_through: true }, 1009],
        [{ media: { auto_download: ['fax'] } }, 1009],
      ] as const)
        expect([body, ...failure(await call('PATCH', path, body)).slice(0, 2)]).toEqual([body, 400, code]);
      expect((await call('DELETE', path)).status).toBe(200);
      expect((await call('GET', path)).json.settings.application).toEqual(defaults);
    });

    it('of media providers are replaced by name', async () => {
      const path = '/v1/settings/application/media/providers';
      const provider = { name: 'cdn', type: 'www', config: { basic: { username: 'u', password: 'p' } } };
      expect((await call('POST', path, [provider])).status).toBe(200);
      expect((await call('POST', path, [{ ...provider, config: { bearer: 't' } }])).status).toBe(200);
      expect((await call('GET', path)).json.settings.application.media.providers).toEqual([
        { ...provider, config: { bearer: 't' } },
      ]);
      expect(failure(await call('POST', path, [{ ...provider, type: 'ftp' }])).slice(0, 2)).toEqual([
        400, 1009,
      ]);
      expect(failure(await call('POST', path, provider)).slice(0, 2)).toEqual([400, 1025]);
      expect((await call('DELETE', `${path}/cdn`)).status).toBe(200);
      expect(failure(await call('DELETE', `${path}/cdn`)).slice(0, 2)).toEqual([404, 1006]);
    });

    it('of the profile are stored: about, photo, business, compliance', async () => {
      expect((await call('GET', '/v1/settings/profile/about')).json.settings.profile.about.text).toBe(
        'Hey there! I am using WhatsApp.',
      );
      expect((await call('PATCH', '/v1/settings/profile/about', { text: 'Open' })).status).toBe(200);
      expect((await call('GET', '/v1/settings/profile/about')).json.settings.profile.about.text).toBe('Open');
      expect(
        failure(await call('PATCH', '/v1/settings/profile/about', { text: 'x'.repeat(140) })).slice(0, 2),
      ).toEqual([400, 1009]);

      const photo = '/v1/settings/profile/photo';
      expect(failure(await call('GET', photo))).toEqual([404, 1006, 'No picture set.']);
      expect((await call('POST', photo, PNG, { type: 'image/png' })).status).toBe(200);
      const shown = await call('GET', photo);
      expect([shown.headers['content-type'], shown.bytes.equals(PNG)]).toEqual(['image/png', true]);
      expect((await call('GET', `${photo}?format=link`)).json.settings.profile.photo.link).toMatch(
        /^https:.*\/photo$/,
      );
      expect(failure(await call('POST', photo, PNG, { type: 'image/jpeg' })).slice(0, 2)).toEqual([
        400, 1014,
      ]);
      expect((await call('DELETE', photo)).status).toBe(200);

      const business = '/v1/settings/business/profile';
      expect((await call('GET', business)).json.settings.business.profile).toEqual({
        address: '',
        description: '',
        email: '',
        vertical: '',
        websites: [],
      });
      expect((await call('POST', business, { email: 'a@example.org', vertical: 'Other' })).status).toBe(200);
      expect((await call('POST', business, { address: 'Here' })).status).toBe(200);
      expect((await call('GET', business)).json.settings.business.profile).toMatchObject({
        email: 'a@example.org',
        vertical: 'Other',
        address: 'Here',
      });
      for (const wrong of [
        { email: 'x' },
        { vertical: 'Spaceships' },
        { websites: ['a', 'b', 'c'] },
        { websites: ['example.org'] },
      ])
        expect([wrong, ...failure(await call('POST', business, wrong)).slice(0, 2)]).toEqual([
          wrong,
          400,
          1009,
        ]);
      expect(failure(await call('POST', business, { fax: '1' })).slice(0, 2)).toEqual([400, 1010]);

      const compliance = '/v1/settings/business/compliance_info';
      const info = { entity_name: 'Shop', entity_type: 'Partnership', is_registered: 'true' };
      expect((await call('POST', compliance, info)).status).toBe(200);
      expect((await call('GET', compliance)).json.settings.business.compliance_info).toEqual({
        ...info,
        is_registered: true,
      });
    });

    it('and the registration are restored from a backup, only with the right password', async () => {
      const { data } = (await call('POST', '/v1/settings/backup', { password: 'p' })).json.settings;
      expect(data).not.toContain('Open');
      await call('PATCH', '/v1/settings/profile/about', { text: 'Closed' });
      expect(
        failure(await call('POST', '/v1/settings/restore', { password: 'q', data })).slice(0, 2),
      ).toEqual([403, 1005]);
      expect(
        failure(await call('POST', '/v1/settings/restore', { password: 'p', data: 'x' })).slice(0, 2),
      ).toEqual([403, 1005]);
      expect((await call('POST', '/v1/settings/restore', { password: 'p', data })).status).toBe(200);
      expect((await call('GET', '/v1/settings/profile/about')).json.settings.profile.about.text).toBe('Open');
    });
  });
}
