import { Gauge, type Registry } from 'prom-client';
import type { KubeClient } from '../kube/client.ts';
import type { KubeObject, ResourceKind } from '../kube/kubeObject.ts';
import { type CacheChange, type IndexFunction, ObjectCache } from '../kube/objectCache.ts';
import { Reflector } from '../kube/reflector.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';

export interface SourceOptions<T extends KubeObject> {
  readonly kind: ResourceKind;
  readonly labelSelector?: string;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  readonly project?: (object: T) => T;
  readonly metadataOnly?: boolean;
}

/** A watched kind: its cache, and whoever wants to hear of changes. */
export interface Source<T extends KubeObject> {
  readonly kind: ResourceKind;
  readonly cache: ObjectCache<T>;
  onChange(listener: (change: CacheChange<T>) => void): void;
}

interface Watched {
  readonly kind: ResourceKind;
  readonly reflectors: Reflector<KubeObject>[];
  run(signal: AbortSignal): Promise<void>;
}

/** All watches of a process. Each kind is watched once per namespace, however many listen. */
export class Sources {
  readonly #options: {
    client: KubeClient;
    /** Empty for all namespaces. */
    namespaces: readonly string[];
    clock: Clock;
    random: () => number;
    logger: Logger;
  };
  readonly #watched: Watched[] = [];

  constructor(options: {
    client: KubeClient;
    namespaces: readonly string[];
    clock: Clock;
    random: () => number;
    logger: Logger;
    registry?: Registry;
  }) {
    this.#options = options;
    if (options.registry) this.#exportAges(options.registry);
  }

  watch<T extends KubeObject>(options: SourceOptions<T>): Source<T> {
    const { client, namespaces, clock, random, logger } = this.#options;
    const cache = new ObjectCache<T>(options.indexes);
    const listeners: ((change: CacheChange<T>) => void)[] = [];
    const scopes = options.kind.namespaced && namespaces.length > 0 ? namespaces : [undefined];
    const reflectors = scopes.map(
      (namespace) =>
        new Reflector<T>({
          client,
          kind: options.kind,
          cache,
          namespace,
          labelSelector: options.labelSelector,
          clock,
          random,
          logger,
          ...(options.project ? { project: options.project } : {}),
          ...(options.metadataOnly ? { metadataOnly: true } : {}),
          onChange: (change) => {
            for (const listener of listeners) listener(change);
          },
        }),
    );
    this.#watched.push({
      kind: options.kind,
      reflectors: reflectors as unknown as Reflector<KubeObject>[],
      run: async (signal) => void (await Promise.all(reflectors.map((reflector) => reflector.run(signal)))),
    });
    return { kind: options.kind, cache, onChange: (listener) => void listeners.push(listener) };
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#watched.map((watched) => watched.run(signal)));
  }

  /** Resolves when every cache is complete for the first time. */
  async synced(): Promise<void> {
    await Promise.all(this.#watched.flatMap(({ reflectors }) => reflectors.map(({ synced }) => synced)));
  }

  /** Kinds that fail just now or have been silent for longer than `silentMs`, with the reason. */
  problems(silentMs: number): string[] {
    const now = this.#options.clock.monotonic();
    return this.#watched.flatMap(({ kind, reflectors }) =>
      reflectors.flatMap(({ lastEventAt, failure }) => {
        if (lastEventAt === undefined)
          return [`${kind.plural}: not synced${failure ? `: ${failure.message}` : ''}`];
        const ageMs = now - lastEventAt;
        return ageMs > silentMs ? [`${kind.plural}: no event for ${Math.round(ageMs / 1000)} s`] : [];
      }),
    );
  }

  #exportAges(registry: Registry): void {
    const watched = this.#watched;
    const { clock } = this.#options;
    new Gauge({
      name: 'waba_operator_watch_last_event_age_seconds',
      help: 'Time since the last event or bookmark of a watched kind',
      labelNames: ['kind'],
      registers: [registry],
      collect() {
        for (const { kind, reflectors } of watched) {
          const ages = reflectors.map(({ lastEventAt }) =>
            lastEventAt === undefined ? 0 : clock.monotonic() - lastEventAt,
          );
          this.set({ kind: kind.kind }, Math.max(0, ...ages) / 1000);
        }
      },
    });
  }
}
