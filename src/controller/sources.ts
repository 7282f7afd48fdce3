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

export interface SourcesOptions {
  readonly client: KubeClient;
  /** Empty for all namespaces. */
  readonly namespaces: readonly string[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly registry?: Registry;
}

interface Watched {
  readonly kind: ResourceKind;
  readonly source: Source<KubeObject>;
  readonly project: SourceOptions<KubeObject>['project'];
  /** By namespace; `''` is all of them. */
  readonly reflectors: ReadonlyMap<string, Reflector<KubeObject>>;
}

/** All watches of a process. Each kind is watched once per namespace and selector, however many listen. */
export class Sources {
  readonly #options: SourcesOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(options: SourcesOptions) {
    this.#options = options;
    if (options.registry) this.#exportAges(options.registry);
  }

  /** @throws when the same kind and selector is asked for with another projection */
  watch<T extends KubeObject>(options: SourceOptions<T>): Source<T> {
    const { kind, labelSelector = '', metadataOnly = false } = options;
    const id = [kind.apiVersion, kind.kind, labelSelector, metadataOnly].join('|');
    let watched = this.#watched.get(id);
    if (watched && watched.project !== (options.project as unknown))
      throw new Error(`${kind.kind} is watched already, with another projection`);
    if (watched) watched.source.cache.addIndexes((options.indexes ?? {}) as Record<string, never>);
    else {
      watched = this.#start(options as unknown as SourceOptions<KubeObject>);
      this.#watched.set(id, watched);
    }
    return watched.source as unknown as Source<T>;
  }

  #start(options: SourceOptions<KubeObject>): Watched {
    const { client, namespaces, clock, random, logger } = this.#options;
    const cache = new ObjectCache<KubeObject>(options.indexes);
    const listeners: ((change: CacheChange<KubeObject>) => void)[] = [];
    const onChange = (change: CacheChange<KubeObject>) => {
      for (const listener of listeners) listener(change);
    };
    const scopes = options.kind.namespaced && namespaces.length > 0 ? namespaces : [undefined];
    const { indexes: _, ...watch } = options;
    const reflectors = scopes.map(
      (namespace) =>
        [
          namespace ?? '',
          new Reflector<KubeObject>({ ...watch, client, cache, namespace, clock, random, logger, onChange }),
        ] as const,
    );
    return {
      kind: options.kind,
      source: { kind: options.kind, cache, onChange: (listener) => void listeners.push(listener) },
      project: options.project,
      reflectors: new Map(reflectors),
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all().map((reflector) => reflector.run(signal)));
  }

  /** Resolves when every cache is complete for the first time. */
  async synced(): Promise<void> {
    await Promise.all(this.#all().map(({ synced }) => synced));
  }

  /** Resolves when every cache is complete, or known to be out of our reach; `missing` names those. */
  async settled(): Promise<void> {
    await Promise.all(this.#all().map(({ settled }) => settled));
  }

  /** What keeps us from seeing all of a namespace (of everything, without one): one line a kind, with the way out. */
  missing(namespace?: string): string[] {
    return [...this.#watched.values()].flatMap(({ reflectors }) =>
      [...reflectors]
        .filter(([scope]) => namespace === undefined || scope === '' || scope === namespace)
        .flatMap(([, { problem }]) => problem ?? []),
    );
  }

  /** Watches that have been without a sign of life for longer than `silentMs`, though they once had one. */
  silent(silentMs: number): string[] {
    const now = this.#options.clock.monotonic();
    return [...this.#watched.values()].flatMap(({ kind, reflectors }) =>
      [...reflectors.values()].flatMap(({ lastEventAt }) => {
        const ageMs = lastEventAt === undefined ? 0 : now - lastEventAt;
        return ageMs > silentMs ? [`${kind.plural}: no event for ${Math.round(ageMs / 1000)} s`] : [];
      }),
    );
  }

  #all(): Reflector<KubeObject>[] {
    return [...this.#watched.values()].flatMap(({ reflectors }) => [...reflectors.values()]);
  }

  #exportAges(registry: Registry): void {
    const watched = this.#watched;
    const { clock } = this.#options;
    new Gauge({
      name: 'watch_last_event_age_seconds',
      help: 'Time since the last event or bookmark of a watched kind',
      labelNames: ['kind'],
      registers: [registry],
      collect() {
        for (const { kind, reflectors } of watched.values()) {
          const ages = [...reflectors.values()].map(({ lastEventAt }) =>
            lastEventAt === undefined ? 0 : clock.monotonic() - lastEventAt,
          );
          this.set({ kind: kind.kind }, Math.max(0, ...ages) / 1000);
        }
      },
    });
  }
}
