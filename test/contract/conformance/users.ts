import { describe, expect, it } from 'vitest';
import type { ConformanceApi } from '../../support/conformanceApi.ts';
import { basic, failure, PASSWORD } from '../../support/conformanceApi.ts';

export function users(api: ConformanceApi): void {
  const { call } = api;
  describe('users', () => {
    it('log in with Basic authentication, and must set a new password the first time', async () => {
      expect(failure(await call('POST', '/v1/users/login', {}, { auth: basic('admin', 'secret') }))).toEqual([
        401,
        1024,
        undefined,
      ]);
      const weak = await call(
        'POST',
        '/v1/users/login',
        { new_password: 'weak' },
        { auth: basic('admin', 'secret') },
      );
      expect(failure(weak).slice(0, 2)).toEqual([400, 1009]);
      const first = await call(
        'POST',
        '/v1/users/login',
        { new_password: PASSWORD },
        { auth: basic('admin', 'secret') },
      );
      expect(first.status).toBe(200);
      expect(first.json.users[0].expires_after).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00$/);
      expect(first.json.meta).toEqual({ api_status: 'stable', version: 'v2.57.1' });
      expect(first.headers).toMatchObject({ server: 'Server', 'cache-control': 'no-cache, private' });
      expect(first.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
      expect(first.headers['x-internal-request-ids']).toBeUndefined();
      const [header = ''] = first.json.users[0].token.split('.');
      expect(Buffer.from(header, 'base64').toString()).toBe('{"alg": "HS256", "typ": "JWT"}');
      api.token = first.json.users[0].token;
      const wrong = await call('POST', '/v1/users/login', {}, { auth: basic('admin', 'wrong') });
      expect([wrong.status, wrong.bytes.length]).toEqual([401, 0]);
    });

    it('are created by an administrator, may do what their role allows, and lose their tokens when deleted', async () => {
      expect((await call('POST', '/v1/users', { username: 'agent', password: PASSWORD })).json.users).toEqual(
        [{ username: 'agent' }],
      );
      expect(failure(await call('POST', '/v1/users', { username: 'agent', password: PASSWORD }))).toEqual([
        500,
        1014,
        'Unable to create user. Already exist?',
      ]);
      expect(
        failure(await call('POST', '/v1/users', { username: 'abc', password: PASSWORD })).slice(0, 2),
      ).toEqual([400, 1009]);
      expect(failure(await call('POST', '/v1/users', { username: 'agent2' })).slice(0, 2)).toEqual([
        400, 1008,
      ]);
      expect((await call('GET', '/v1/users/agent')).json.users).toEqual([
        { ROLES: 'ROLE_USER', username: 'agent' },
      ]);
      expect(failure(await call('GET', '/v1/users/nobody')).slice(0, 2)).toEqual([404, 1006]);

      const login = await call('POST', '/v1/users/login', {}, { auth: basic('agent', PASSWORD) });
      const agent = { auth: `Bearer ${login.json.users[0].token}` };
      expect(failure(await call('GET', '/v1/settings/application', undefined, agent)).slice(0, 2)).toEqual([
        403, 1005,
      ]);
      expect(failure(await call('GET', '/v1/users/admin', undefined, agent)).slice(0, 2)).toEqual([
        403, 1005,
      ]);
      expect((await call('GET', '/v1/users/agent', undefined, agent)).status).toBe(200);
      expect((await call('PUT', '/v1/users/agent', { password: `${PASSWORD}2` }, agent)).status).toBe(200);
      // A changed password revokes no token.
      expect((await call('GET', '/v1/support', undefined, agent)).status).toBe(200);
      expect((await call('POST', '/v1/users/logout', undefined, agent)).status).toBe(200);
      expect((await call('GET', '/v1/support', undefined, agent)).status).toBe(401);

      const again = await call('POST', '/v1/users/login', {}, { auth: basic('agent', `${PASSWORD}2`) });
      expect((await call('DELETE', '/v1/users/agent')).json.users).toEqual([{ username: 'agent' }]);
      expect(
        (await call('GET', '/v1/support', undefined, { auth: `Bearer ${again.json.users[0].token}` })).status,
      ).toBe(401);
      expect(failure(await call('DELETE', '/v1/users/admin')).slice(0, 2)).toEqual([403, 1005]);
      expect(failure(await call('DELETE', '/v1/users/agent')).slice(0, 2)).toEqual([404, 1006]);
    });
  });
}
