import * as z from 'zod';
import { healthNodes, healthResponse, type NodeHealth } from '../../onprem/health.ts';
import { type MetricShape, metricsResponse, statsNodes, statsResponse } from '../../onprem/metrics.ts';
import { type NodeSupport, supportNodes, supportResponse } from '../../onprem/support.ts';
import type { Caller, Calls, Session } from '../calls.ts';

/** Node Health. Source: docs/onprem/api-admin.md §12. */
export class Health {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** `GET /v1/health`: nodes by `<hostname>:<container>`; the only node of a single instance has the key ''. */
  async nodes(caller: Caller, signal: AbortSignal): Promise<Record<string, NodeHealth>> {
    return healthNodes(
      await this.#calls.json(healthResponse, caller, { method: 'GET', path: '/v1/health' }, signal),
    );
  }
}

/** Node Support. Source: docs/onprem/api-admin.md §16. */
export class Support {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** `GET /v1/support`: nodes by key, as in health. */
  async nodes(session: Session, signal: AbortSignal): Promise<Record<string, NodeSupport>> {
    return supportNodes(
      await this.#calls.json(supportResponse, session, { method: 'GET', path: '/v1/support' }, signal),
    );
  }
}

export type StatsArea = 'app' | 'app/internal' | 'db' | 'db/internal';
export type NodeMetrics = Readonly<Record<string, MetricShape>>;

/** Node Stats. Source: docs/onprem/api-admin.md §13. */
export class Stats {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** `GET /v1/stats/{area}`: metrics by node, as in health. The area `db` is slow on large databases. */
  async nodes(caller: Caller, area: StatsArea, signal: AbortSignal): Promise<Record<string, NodeMetrics>> {
    const call = { method: 'GET', path: `/v1/stats/${area}` } as const;
    return statsNodes(await this.#calls.json(statsResponse, caller, call, signal));
  }

  /** The same as Prometheus text. */
  text(caller: Caller, area: StatsArea, signal: AbortSignal): Promise<string> {
    return this.#calls.text(caller, { method: 'GET', path: `/v1/stats/${area}?format=prometheus` }, signal);
  }
}

/** Node Metrics: the metrics of the Webapp that answers. Source: docs/onprem/api-admin.md §14. */
export class Metrics {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** `GET /metrics`. */
  async read(caller: Caller, signal: AbortSignal): Promise<NodeMetrics> {
    return (await this.#calls.json(metricsResponse, caller, { method: 'GET', path: '/metrics' }, signal))
      .metrics;
  }

  /** The same as Prometheus text. */
  text(caller: Caller, signal: AbortSignal): Promise<string> {
    return this.#calls.text(caller, { method: 'GET', path: '/metrics?format=prometheus' }, signal);
  }
}

const started = z.looseObject({ services: z.record(z.string(), z.unknown()) });

/**
 * Node Services: a garbage collection runs in the background, and the webhook gets its result.
 * Source: docs/onprem/api-admin.md §15.
 */
export class Services {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** `PUT /v1/services/message/gc`, on every Coreapp. */
  async collectMessages(session: Session, signal: AbortSignal): Promise<void> {
    await this.#calls.json(started, session, { method: 'PUT', path: '/v1/services/message/gc' }, signal);
  }

  /** `PUT /v1/services/media/gc`: deletes media that were not used for 30 days. */
  async collectMedia(session: Session, signal: AbortSignal): Promise<void> {
    await this.#calls.json(started, session, { method: 'PUT', path: '/v1/services/media/gc' }, signal);
  }
}
