import { describe, expect, it } from 'vitest';
import { routes } from '../../../src/stack/webapp/routes.ts';
import type { ConformanceApi } from '../../support/conformanceApi.ts';
import { failure } from '../../support/conformanceApi.ts';

export function everyEndpoint(api: ConformanceApi): void {
  const { ask } = api;
  describe('every endpoint', () => {
    const example = (path: string) => path.replace(/:[A-Za-z]+/g, 'x');

    it('refuses calls without a token, with a foreign token, and with the API key if it does not accept it', async () => {
      for (const { method, path, access } of routes.filter(
        (route) => route.access !== 'open' && route.access !== 'basic',
      )) {
        for (const auth of [
          '',
          'Bearer nonsense',
          'Bearer a.b.c',
          ...(access === 'any-or-key' ? [] : ['Apikey test-api-key-0001']),
        ])
          expect([
            method,
            path,
            auth,
            (await ask(method, example(path), undefined, { auth })).status,
          ]).toEqual([method, path, auth, 401]);
        if (access === 'any-or-key')
          expect(
            (await ask(method, example(path), undefined, { auth: 'Apikey test-api-key-0001' })).status,
          ).toBe(200);
      }
    });

    it('answers broken JSON, other JSON and a huge body with the documented error', async () => {
      for (const { method, path } of routes.filter(({ body, access }) => body && access !== 'basic')) {
        for (const body of ['{', '"text"', '5'])
          expect([path, ...failure(await ask(method, example(path), body)).slice(0, 2)]).toEqual([
            path,
            400,
            1025,
          ]);
      }
      const huge = `{"text":"${'x'.repeat(1024 * 1024 + 1)}"}`;
      expect(failure(await ask('POST', '/v1/messages', huge))).toEqual([400, 1025, 'The body is too large']);
      expect(failure(await ask('GET', '/v1/nowhere'))).toEqual([404, 1014, 'Unknown endpoint']);
      expect(failure(await ask('PATCH', '/v1/messages'))).toEqual([404, 1014, 'Unknown endpoint']);
      expect((await ask('GET', '/', undefined, { auth: '' })).status).toBe(200);
    });
  });
}
