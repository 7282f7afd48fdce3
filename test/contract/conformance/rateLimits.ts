import { describe, expect, it } from 'vitest';
import { apiCall } from '../../support/apiCall.ts';
import { startApiTarget } from '../../support/apiTarget.ts';
import type { ConformanceApi } from '../../support/conformanceApi.ts';
import { API_KEY } from '../../support/emulatorStack.ts';

export function rateLimits(api: ConformanceApi): void {
  describe('rate limits', () => {
    it('answer 429 above the burst, separately for each endpoint', async () => {
      const limited = await startApiTarget(api.database, 'limits_', { rateLimits: true });
      const get = async (path: string, authorization: string) =>
        (await apiCall(limited.address(), { method: 'GET', path, headers: { authorization } })).status;
      const flood = (authorization: string) =>
        Promise.all(Array.from({ length: 90 }, () => get('/metrics', authorization)));
      // Calls of strangers are not counted: they would use up the rate of those who may call.
      expect(new Set(await flood('Bearer nonsense'))).toEqual(new Set([401]));
      const key = `Apikey ${API_KEY}`;
      const statuses = await flood(key);
      expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(60);
      expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
      expect(await get('/v1/health', key)).toBe(200);
      await limited.close();
    });
  });
}
