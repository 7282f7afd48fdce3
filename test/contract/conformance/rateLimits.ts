import { describe, expect, it } from 'vitest';
import { apiCall } from '../../support/apiCall.ts';
import { startApiTarget } from '../../support/apiTarget.ts';
import type { ConformanceApi } from '../../support/conformanceApi.ts';

export function rateLimits(api: ConformanceApi): void {
  describe('rate limits', () => {
    it('answer 429 above the burst, separately for each endpoint', async () => {
      const limited = await startApiTarget(api.database, 'limits_', { rateLimits: true });
      const get = async (path: string) => (await apiCall(limited.address(), { method: 'GET', path })).status;
      const statuses = await Promise.all(Array.from({ length: 90 }, () => get('/v1/support')));
      expect(statuses.filter((status) => status === 401).length).toBeGreaterThanOrEqual(60);
      expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
      expect(await get('/v1/health')).toBe(401);
      await limited.close();
    });
  });
}
