import { Registry } from 'prom-client';
import { type Clock, systemClock } from '../base/clock.ts';
import { jsonLogger } from '../base/lineLogger.ts';
import type { Logger } from '../base/silentLogger.ts';
import type { Controller } from './controller/controller.ts';
import { runManager } from './controller/manager.ts';
import { ControllerMetrics } from './controller/metrics.ts';
import { Shards } from './controller/shards.ts';
import { Sources } from './controller/sources.ts';
import { ControllerBuilder, type ControllerParts, type ControllerSettings } from './controllerBuilder.ts';
import { Applier } from './kube/applier.ts';
import { KubeClient } from './kube/client.ts';
import type { Credentials } from './kube/credentials.ts';
import { EventRecorder } from './kube/eventRecorder.ts';
import { fencedTransport } from './kube/fencedTransport.ts';
import { type KubeObject, namespaceOfPath, type ResourceKind } from './kube/kubeObject.ts';
import type { LeaseTiming } from './kube/leaderElection.ts';
import { type ApiEncoding, HttpsTransport, type Transport } from './kube/transport.ts';

export interface ManagerOptions {
  /** A DNS label. It names the field manager of writes, the component of events, and the Lease. */
  readonly name: string;
  /** How to reach the API server: by these credentials over HTTPS, or by a transport, such as a simulated one. */
  readonly connection: Credentials | Transport;
  /** Namespaces to watch; default: all. */
  readonly namespaces?: readonly string[];
  /** Where to serve `/healthz`, `/readyz` and `/metrics`; default: nowhere. */
  readonly health?: { readonly host: string; readonly port: number };
  /** Default: this process is the only replica, and works without a Lease. */
  readonly leaderElection?: {
    readonly namespace: string;
    /** Name of this replica, such as that of its pod. */
    readonly identity: string;
    /**
     * Into how many parts the replicas divide the namespaces: each works on its share of them, and `watch` keeps the objects of its
     * share only. Default 1: one replica works, the others wait.
     */
    readonly shards?: number;
    readonly timing?: LeaseTiming;
  };
  /** How long reconciles under way may run after the stop; default 20 s, less than the grace period of a pod. */
  readonly shutdownGraceMs?: number;
  /** Requests to the API server; defaults 50 a second, and 100 at once. */
  readonly queriesPerSecond?: number;
  readonly burst?: number;
  /** Default `protobuf`, for the kinds that have it. */
  readonly encoding?: ApiEncoding;
  /** Default: JSON lines on stderr, from level `info`. A logger of winston fits. */
  readonly logger?: Logger;
  /** Default: a registry of its own. */
  readonly registry?: Registry;
  readonly clock?: Clock;
  /** Between 0 and 1; default `Math.random`. */
  readonly random?: () => number;
}

const isTransport = (connection: Credentials | Transport): connection is Transport => 'stream' in connection;

/**
 * The controllers of a process, over shared watches. Describe them with `controller`, then `run`.
 *
 * @throws on `run` whatever a controller was described wrongly with
 */
export class Manager {
  /** Calls the API server; writes only while this replica may. */
  readonly client: KubeClient;
  /** The metrics of `/metrics`; more may be registered. */
  readonly registry: Registry;
  readonly #options: ManagerOptions;
  readonly #parts: ControllerParts;
  readonly #shards: Shards | undefined;
  readonly #controllers: Controller[] = [];

  constructor(options: ManagerOptions) {
    const { name, clock = systemClock, random = Math.random, logger = jsonLogger() } = options;
    const { leaderElection } = options;
    this.#options = options;
    this.registry = options.registry ?? new Registry();
    const common = { clock, random, logger };
    const metrics = new ControllerMetrics(this.registry);
    const transport = transportOf(options, metrics, clock, random);
    // Not behind its own fence: it must write to get the lease.
    const ofLease = new KubeClient(transport);
    const shards = leaderElection && new Shards({ client: ofLease, name, ...leaderElection, ...common });
    this.#shards = shards;
    this.client = shards
      ? new KubeClient(
          fencedTransport(transport, ({ method, path }) => {
            if (method !== 'GET') shards.assertHeld(namespaceOfPath(path));
          }),
        )
      : ofLease;
    const { client, registry } = this;
    const recorder = new EventRecorder({ client, component: name, ...common });
    this.#parts = {
      ...common,
      client,
      metrics,
      recorder,
      fieldManager: name,
      shards,
      sources: new Sources({ client, namespaces: options.namespaces ?? [], shards, ...common, registry }),
      applier: new Applier({ client, fieldManager: name, annotationPrefix: name, recorder, clock }),
    };
  }

  /** Describes a controller of a kind; `reconcile` of what it returns completes it. */
  controller<T extends KubeObject = KubeObject>(
    kind: ResourceKind,
    settings: ControllerSettings = {},
  ): ControllerBuilder<T> {
    return new ControllerBuilder<T>(this.#parts, kind, settings, (controller) => {
      const { name } = controller;
      if (this.#controllers.some((other) => other.name === name))
        throw new Error(`there is a controller ${name} already; give one of them another name`);
      this.#controllers.push(controller);
    });
  }

  /**
   * Fills the caches, takes its leases, then works. Returns when `signal` has fired and the reconciles under way have ended, or
   * when a lease is lost: nothing may be written then, so end the process, and let it be started anew. Call it once.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { health, shutdownGraceMs } = this.#options;
    const { sources, metrics, clock, logger, recorder } = this.#parts;
    try {
      await runManager(
        {
          sources,
          controllers: this.#controllers,
          registry: this.registry,
          metrics,
          clock,
          logger,
          health,
          shards: this.#shards,
          ...(shutdownGraceMs === undefined ? {} : { shutdownGraceMs }),
          beforeRelease: (patience) => recorder.flush(patience),
        },
        signal,
      );
    } finally {
      this.client.transport.close();
    }
  }
}

function transportOf(
  { name, connection, queriesPerSecond, burst, encoding }: ManagerOptions,
  metrics: ControllerMetrics,
  clock: Clock,
  random: () => number,
): Transport {
  if (isTransport(connection)) return connection;
  return new HttpsTransport({
    credentials: connection,
    clock,
    random,
    userAgent: name,
    observer: metrics.requests,
    encoding,
    ...(queriesPerSecond === undefined ? {} : { queriesPerSecond }),
    ...(burst === undefined ? {} : { burst }),
  });
}
