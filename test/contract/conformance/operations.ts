import { describe, expect, it } from 'vitest';
import type { ConformanceApi } from '../../support/conformanceApi.ts';
import { eventually } from '../../support/eventually.ts';

export function operations(api: ConformanceApi): void {
  const { call } = api;
  describe('operations', () => {
    it('report statistics as JSON and for Prometheus', async () => {
      const app = (await call('GET', '/v1/stats/app')).json.stats.app;
      expect(app.out_message_persisted).toMatchObject({
        type: 'counter',
        data: expect.arrayContaining([{ labels: { type: 'text' }, value: expect.any(Number) }]),
      });
      expect(app.pending_messages).toMatchObject({ type: 'gauge', data: [{ value: 0 }] });
      const text = await call('GET', '/v1/stats/app?format=prometheus');
      expect(text.headers['content-type']).toContain('text/plain');
      expect(text.bytes.toString()).toMatch(/^# HELP .*\n# TYPE /);
      expect(text.bytes.toString()).toMatch(
        /^out_message_sent_duration_ms_count\{retry="0",type="text"\} \d+$/m,
      );
      expect((await call('GET', '/v1/stats/db')).json.stats.db.db_messages.data[0].value).toBeGreaterThan(5);
      for (const path of ['/v1/stats/app/internal', '/v1/stats/db/internal'])
        expect((await call('GET', path)).status).toBe(200);
      const web = (await call('GET', '/metrics')).json.metrics;
      expect(web.web_uptime.data[0].labels.node).toMatch(/^webapp-/);
      expect(
        web.api_requests_duration_ms_count.data.map(
          ({ labels }: { labels: { method: string } }) => labels.method,
        ),
      ).toContain('GET_v1_stats_app');
      expect(
        web.api_requests_duration_ms_bucket.data.find(
          ({ labels: { method, le } }: { labels: { method: string; le: string } }) =>
            method === 'GET_v1_stats_app' && le === '+Inf',
        )?.value,
      ).toBeGreaterThan(0);
      const refusals = async (code: string): Promise<number> =>
        ((await call('GET', '/metrics')).json.metrics.api_request_errors?.data ?? []).find(
          ({ labels }: { labels: { code: string } }) => labels.code === code,
        )?.value ?? 0;
      const before = await refusals('1008');
      await call('POST', '/v1/messages', {});
      expect(await refusals('1008')).toBeGreaterThan(before);
      expect((await call('GET', '/metrics?format=prometheus')).bytes.toString()).toMatch(
        /^web_uptime\{node="webapp-\d"\} \d+$/m,
      );
    });

    it('delete old messages and media, and report the result to the webhook', async () => {
      const results = (kind: string) =>
        api.receiver.received
          .flatMap((callback) => (callback.services as Record<string, { gc: object }>[] | undefined) ?? [])
          .flatMap((service) => service[kind]?.gc ?? []);
      expect((await call('PUT', '/v1/services/message/gc')).json.services).toEqual({
        message: { gc: { status: 'processing' } },
      });
      expect((await call('PUT', '/v1/services/media/gc')).json.services).toEqual({
        media: { gc: { status: 'processing' } },
      });
      await eventually(() => results('message').length + results('media').length === 2);
      expect(results('message')).toEqual([{ messages_deleted: 0, status: 'complete' }]);
      expect(results('media')).toEqual([{ items_deleted: 0, status: 'complete' }]);
    });
  });
}
