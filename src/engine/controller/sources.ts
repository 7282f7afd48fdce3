import { setMaxListeners } from 'node:events';
import { Gauge, type Registry } from 'prom-client';
import { aborted } from '../../base/aborted.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { KubeClient } from '../kube/client.ts';
import type { KubeObject, ResourceKind } from '../kube/kubeObject.ts';
import { type CacheChange, type IndexFunction, ObjectCache } from '../kube/objectCache.ts';
import { Reflector } from '../kube/reflector.ts';
import type { Shards } from './shards.ts';

export interface SourceOptions<T extends KubeObject> {
  readonly kind: ResourceKind;
  readonly labelSelector?: string;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** Which fields to keep, such as `spec.nodeName`, beside apiVersion, kind and metadata; without it all. */
  readonly fields?: readonly string[];
  readonly metadataOnly?: boolean;
  /**
   * When all namespaces are watched, watch this kind only in the namespaces that `follow` names: for kinds that we may
   * read in some namespaces only.
   */
  readonly followed?: boolean;
  /** Keep also the objects of shards on which other replicas work. */
  readonly everyShard?: boolean;
  /** The server may not know this kind. Its cache is empty then, and the kind does not count as missing. */
  readonly optional?: boolean;
}

/** A watched kind: its cache and its listeners. */
export interface Source<T extends KubeObject> {
  readonly kind: ResourceKind;
  readonly cache: ObjectCache<T>;
  onChange(listener: (change: CacheChange<T>) => void): void;
  /** Whether the kind is optional, and the server does not know it, or does not let us read it, in the namespace. */
  isAbsent(namespace: string): boolean;
  /** Looks for an absent kind now; otherwise the process looks ever less often. */
  lookAgain(namespace: string): void;
}

export interface SourcesOptions {
  readonly client: KubeClient;
  /** Empty for all namespaces. */
  readonly namespaces: readonly string[];
  /** Default: this process works on all namespaces. */
  readonly shards?: Pick<Shards, 'count' | 'watches'> | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly registry?: Registry;
}

interface Watched {
  readonly kind: ResourceKind;
  readonly source: Source<KubeObject>;
  readonly fields: SourceOptions<KubeObject>['fields'];
  readonly followed: boolean;
  /** Of its own shards only. */
  readonly sharded: boolean;
  /** By namespace; `''` stands for all namespaces. */
  readonly reflectors: Map<string, RunningReflector>;
  start(namespace: string | undefined): RunningReflector;
}

interface RunningReflector {
  readonly reflector: Reflector<KubeObject>;
  readonly stop: AbortController;
  settled: boolean;
}

/**
 * All watches of a process. Each kind is watched once per namespace and selector, with any number of listeners. What belongs to shards of
 * other replicas is dropped as it arrives.
 */
export class Sources {
  readonly #options: SourcesOptions;
  readonly #watched = new Map<string, Watched>();
  /** Set while the watches run. */
  #run: ((running: RunningReflector) => void) | undefined;

  constructor(options: SourcesOptions) {
    this.#options = options;
    if (options.registry) this.#exportAges(options.registry);
  }

  /** @throws if the same kind and selector are watched with other fields, or for other shards */
  watch<T extends KubeObject>(options: SourceOptions<T>): Source<T> {
    const { kind, labelSelector = '', metadataOnly = false } = options;
    const id = [kind.apiVersion, kind.kind, labelSelector, metadataOnly].join('|');
    let watched = this.#watched.get(id);
    if (watched && watched.fields?.join() !== options.fields?.join())
      throw new Error(`${kind.kind} is watched already, with other fields`);
    if (watched && watched.sharded !== this.#isSharded(options as unknown as SourceOptions<KubeObject>))
      throw new Error(`${kind.kind} is watched already, with another everyShard`);
    if (watched) watched.source.cache.addIndexes((options.indexes ?? {}) as Record<string, never>);
    else {
      watched = this.#start(options as unknown as SourceOptions<KubeObject>);
      this.#watched.set(id, watched);
    }
    return watched.source as unknown as Source<T>;
  }

  #isSharded({ kind, everyShard, followed }: SourceOptions<KubeObject>): boolean {
    return this.isDivided && kind.namespaced && !everyShard && !this.#isFollowed(kind, followed);
  }

  /** A followed kind is watched in the namespaces of its own shards anyway. */
  #isFollowed({ namespaced }: ResourceKind, followed: boolean | undefined): boolean {
    return followed === true && !(namespaced && this.#options.namespaces.length > 0);
  }

  #start(options: SourceOptions<KubeObject>): Watched {
    const { client, namespaces, shards, clock, random, logger } = this.#options;
    const sharded = this.#isSharded(options);
    const cache = new ObjectCache<KubeObject>(options.indexes);
    const listeners: ((change: CacheChange<KubeObject>) => void)[] = [];
    const onChange = (change: CacheChange<KubeObject>) => {
      for (const listener of listeners) listener(change);
    };
    const { indexes: _, followed: __, everyShard: ___, ...watch } = options;
    const start = (namespace: string | undefined): RunningReflector => {
      const reflector = new Reflector<KubeObject>({
        ...watch,
        client,
        cache,
        namespace,
        clock,
        random,
        logger,
        onChange,
        ...(shards && sharded ? { keeps: (of) => shards.watches(of) } : {}),
      });
      const running = { reflector, stop: new AbortController(), settled: false };
      void reflector.settled.then(() => {
        running.settled = true;
      });
      return running;
    };
    const listed = options.kind.namespaced && namespaces.length > 0;
    const followed = this.#isFollowed(options.kind, options.followed);
    const scopes = listed ? namespaces : followed ? [] : [undefined];
    const reflectors = new Map(scopes.map((namespace) => [namespace ?? '', start(namespace)]));
    const reflectorOf = (namespace: string) => (reflectors.get(namespace) ?? reflectors.get(''))?.reflector;
    return {
      kind: options.kind,
      source: {
        kind: options.kind,
        cache,
        onChange: (listener) => void listeners.push(listener),
        isAbsent: (namespace) => reflectorOf(namespace)?.isAbsent ?? false,
        lookAgain: (namespace) => reflectorOf(namespace)?.lookAgain(),
      },
      fields: options.fields,
      followed,
      sharded,
      reflectors,
      start,
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    const runs = new Set<Promise<void>>();
    // Each reflector adds a listener, and there is a reflector for each kind.
    setMaxListeners(0, signal);
    this.#run = ({ reflector, stop }) => {
      const onAbort = () => stop.abort(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      const run = reflector.run(stop.signal).finally(() => {
        signal.removeEventListener('abort', onAbort);
        runs.delete(run);
      });
      runs.add(run);
    };
    for (const running of this.#all()) this.#run(running);
    await aborted(signal);
    this.#run = undefined;
    await Promise.all(runs);
  }

  /**
   * Watches the followed kinds in this namespace too. `onSettled` is called when their caches are complete, or the
   * server has refused to let us read them. Does nothing for a namespace that is followed already.
   */
  follow(namespace: string, onSettled: () => void): void {
    const fresh = [...this.#watched.values()]
      .filter(({ followed, reflectors }) => followed && !reflectors.has(namespace))
      .map((watched) => {
        const running = watched.start(namespace);
        watched.reflectors.set(namespace, running);
        this.#run?.(running);
        return running.reflector.settled;
      });
    if (fresh.length > 0) void Promise.all(fresh).then(onSettled);
  }

  /** Ends the watches that `follow` started, and drops their objects. */
  unfollow(namespace: string): void {
    for (const { followed, reflectors, source } of this.#watched.values()) {
      if (!followed) continue;
      reflectors.get(namespace)?.stop.abort();
      reflectors.delete(namespace);
      source.cache.forget((known) => known === namespace);
    }
  }

  /** Fills the caches with the objects of a shard that this process has begun to watch. @throws the signal's reason */
  async fill(signal: AbortSignal): Promise<void> {
    const sharded = [...this.#watched.values()].filter((watched) => watched.sharded);
    const lists = sharded.flatMap(({ reflectors }) =>
      [...reflectors.values()].map(({ reflector }) => reflector.listAgain()),
    );
    await Promise.race([Promise.all(lists), aborted(signal)]);
    signal.throwIfAborted();
  }

  /** Drops the objects of shards that this process no longer watches. */
  drop(): void {
    const isDropped = (namespace: string) => this.#options.shards?.watches(namespace) === false;
    for (const { sharded, followed, reflectors, source } of this.#watched.values()) {
      if (sharded) source.cache.forget(isDropped);
      if (followed)
        for (const namespace of [...reflectors.keys()].filter(isDropped)) this.unfollow(namespace);
    }
  }

  /** Whether replicas divide the namespaces: only sources of `everyShard` hold all objects. */
  get isDivided(): boolean {
    return (this.#options.shards?.count ?? 1) > 1;
  }

  /** Resolves when every cache is complete for the first time. */
  async synced(): Promise<void> {
    await Promise.all(this.#all().map(({ reflector }) => reflector.synced));
  }

  /** Resolves when every cache is complete, or its kind may not be read; `missing` names those kinds. */
  async settled(): Promise<void> {
    await Promise.all(this.#all().map(({ reflector }) => reflector.settled));
    // The first objects may have named further namespaces to follow.
    if (!this.#all().every(({ settled }) => settled)) await this.settled();
  }

  /** Whether every cache of a namespace is complete, or its kind may not be read. */
  isSettled(namespace: string): boolean {
    return [...this.#watched.values()].every(({ reflectors }) =>
      [...reflectors].every(([scope, { settled }]) => settled || (scope !== '' && scope !== namespace)),
    );
  }

  /**
   * The kinds that cannot be watched in a namespace, one line each with the fix. Without a namespace: of all that this
   * process always watches, without the followed kinds, which concern their own namespaces.
   */
  missing(namespace?: string): string[] {
    return [...this.#watched.values()].flatMap(({ followed, reflectors }) =>
      [...reflectors]
        .filter(([scope]) => (namespace === undefined ? !followed : scope === '' || scope === namespace))
        .flatMap(([, { reflector }]) => reflector.problem ?? []),
    );
  }

  /** Watches that once worked and have been silent for longer than `silentMs`. */
  silent(silentMs: number): string[] {
    const now = this.#options.clock.monotonic();
    return [...this.#watched.values()].flatMap(({ kind, reflectors }) =>
      [...reflectors.values()].flatMap(({ reflector: { lastEventAt } }) => {
        const ageMs = lastEventAt === undefined ? 0 : now - lastEventAt;
        return ageMs > silentMs ? [`${kind.plural}: no event for ${Math.round(ageMs / 1000)} s`] : [];
      }),
    );
  }

  #all(): RunningReflector[] {
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
          const ages = [...reflectors.values()].map(({ reflector: { lastEventAt } }) =>
            lastEventAt === undefined ? 0 : clock.monotonic() - lastEventAt,
          );
          this.set({ kind: kind.kind }, Math.max(0, ...ages) / 1000);
        }
      },
    });
  }
}
