import { prometheusText } from '../../../onprem/metrics.ts';
import type { Answer } from '../../http/route.ts';
import { metricsJson } from '../../wire/metricsShape.ts';
import { jsonAnswer, relayed, textAnswer } from '../respond.ts';
import { type Api, type Call, type Route, route } from '../route.ts';

/** Health, Stats, Metrics, Services and Support. Source: docs/onprem/api-admin.md §12–16. */

const PROMETHEUS = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };
const isPrometheus = ({ query }: Pick<Call, 'query'>): boolean => query('format') === 'prometheus';

/** Statistics of the only node, or of every node under its id. */
async function stats(call: Call, { router, version }: Api, area: 'app' | 'db'): Promise<Answer> {
  const nodes = await router.stats(area);
  if (isPrometheus(call)) {
    const labelled = Object.entries(nodes).map(([node, metrics]) => ({
      labels: node === '' ? {} : { node },
      metrics,
    }));
    return textAnswer(prometheusText(labelled), PROMETHEUS);
  }
  return relayed(version, 200, { stats: { [area]: nodes[''] ?? nodes } });
}

const STATS = [
  ['/v1/stats/app', 'app', 'inferred'],
  ['/v1/stats/app/internal', 'app', 'simplified'],
  ['/v1/stats/db', 'db', 'inferred'],
  ['/v1/stats/db/internal', 'db', 'simplified'],
] as const;

export const operationRoutes: readonly Route[] = [
  route(
    {
      method: 'GET',
      path: '/v1/health',
      access: 'any-or-key',
      summary: 'State of every node',
      fidelity: 'inferred',
      note: 'the status when the only node does not answer (500) is not documented',
    },
    async (_, { router, version }) => {
      const health = await router.health();
      // If the only node of a single instance does not answer, the health consists of errors.
      return 'errors' in health && Array.isArray(health.errors)
        ? relayed(version, 500, { errors: health.errors })
        : relayed(version, 200, { health });
    },
  ),
  route(
    {
      method: 'GET',
      path: '/v1/support',
      access: 'any',
      summary: 'Facts about every node',
      fidelity: 'inferred',
    },
    async (_, { router, version }) => relayed(version, 200, { support: await router.support() }),
  ),
  ...STATS.map(([path, area, fidelity]) =>
    route(
      {
        method: 'GET',
        path,
        access: 'any-or-key',
        summary: area === 'app' ? 'Counters of the Coreapps' : 'Row counts of the database',
        fidelity,
        note:
          fidelity === 'simplified'
            ? 'its content is not documented; the emulator answers the same as without internal'
            : area === 'app'
              ? 'a part of the documented metrics, and durations also in buckets'
              : 'a part of the documented metrics',
      },
      (call, api) => stats(call, api, area),
    ),
  ),
  route(
    {
      method: 'GET',
      path: '/metrics',
      access: 'any-or-key',
      summary: 'Counters of the Webapp that answers',
      fidelity: 'inferred',
      since: 'metrics',
      note: 'a part of the documented metrics, durations also in buckets, and refusals by error code',
    },
    async (call, { metrics, version }) => {
      const shape = await metricsJson(metrics.registry);
      return isPrometheus(call)
        ? textAnswer(prometheusText([{ labels: {}, metrics: shape }]), PROMETHEUS)
        : jsonAnswer({ status: 200, payload: { metrics: shape } }, version);
    },
  ),
  route(
    {
      method: 'PUT',
      path: '/v1/services/message/gc',
      access: 'admin',
      summary: 'Collect old messages; the result comes by webhook',
      fidelity: 'inferred',
      since: 'messageCollection',
      note: 'the age at which a message is old is not documented',
    },
    async (_, { router, version }) =>
      relayed(version, 200, { services: { message: { gc: await router.collectMessages() } } }),
  ),
  route(
    {
      method: 'PUT',
      path: '/v1/services/media/gc',
      access: 'admin',
      summary: 'Collect media unused for 30 days; the result comes by webhook',
      fidelity: 'inferred',
    },
    async (_, { router, version }) => {
      await router.primary('collectMedia', {});
      return relayed(version, 200, { services: { media: { gc: { status: 'processing' } } } });
    },
  ),
];
