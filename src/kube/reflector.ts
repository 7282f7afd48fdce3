import { type Clock, sleep } from '../runtime/clock.ts';
import { CodedError } from '../runtime/codedError.ts';
import type { Logger } from '../runtime/logger.ts';
import { ApiError, isForbidden, isGone } from './apiError.ts';
import { type BackoffPolicy, backoffMs } from './backoff.ts';
import type { KubeClient, ListOptions } from './client.ts';
import { type KubeObject, keyOf, type ResourceKind, resourcePath } from './kubeObject.ts';
import type { CacheChange, ObjectCache } from './objectCache.ts';

export interface ReflectorOptions<T extends KubeObject> extends ListOptions {
  readonly client: KubeClient;
  readonly kind: ResourceKind;
  readonly cache: ObjectCache<T>;
  /** Drops what nobody reads before an object is kept; managedFields are always dropped. */
  readonly project?: (object: T) => T;
  /** Watch only metadata: the content of the objects never reaches this process. */
  readonly metadataOnly?: boolean;
  /** Only enqueues keys: it must be fast and must not throw. */
  readonly onChange: (change: CacheChange<T>) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

export const REFLECTOR_DEFAULTS = {
  /** The server ends each watch after a time in this range, so that not all of them end together. */
  watchSeconds: [300, 600],
  /** Bookmarks come about every minute; silence for longer means a dead connection. */
  watchdogMs: 75_000,
  backoff: { baseMs: 200, capMs: 30_000, jitter: 0.5 } satisfies BackoffPolicy,
} as const;

type WatchEvent<T> = {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T;
};

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/**
 * Keeps a cache equal to what the API server holds: one streaming list and watch, resumed from the last
 * resource version, listed anew after 410. It never gives up; `lastEventAt` tells how fresh it is.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  #resourceVersion: string | undefined;
  #lastEventAt: number | undefined;
  #streamingList = true;
  #failure: Error | undefined;
  #markSynced: () => void = () => {};

  /** Resolves when the cache holds everything for the first time. */
  readonly synced: Promise<void>;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.synced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
  }

  /** Monotonic time of the last event or bookmark. */
  get lastEventAt(): number | undefined {
    return this.#lastEventAt;
  }

  /** Why the last attempt failed, while it has not succeeded since. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, logger, kind } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined && !this.#streamingList) await this.#pagedList(signal);
        await this.#watch(signal, () => {
          failures = 0;
          this.#failure = undefined;
        });
      } catch (error) {
        if (signal.aborted) return;
        if (isGone(error)) {
          // Not a failure: our version is older than what the server remembers.
          this.#resourceVersion = undefined;
          logger.debug('watch expired, listing again', { kind: kind.kind });
          continue;
        }
        if (this.#resourceVersion === undefined && this.#streamingList && isUnsupported(error)) {
          this.#streamingList = false;
          continue;
        }
        this.#failure = error instanceof Error ? error : new Error(String(error));
        const delayMs = backoffMs(REFLECTOR_DEFAULTS.backoff, failures++, random);
        const level = failures === 1 && isForbidden(error) ? 'warn' : 'debug';
        logger[level]('watch failed, trying again', { kind: kind.kind, error, delayMs: Math.round(delayMs) });
        await sleep(clock, delayMs, signal).catch(() => {});
      }
    }
  }

  async #pagedList(signal: AbortSignal): Promise<void> {
    const { client, kind, cache } = this.#options;
    const { items, resourceVersion } = await client.list<T>(
      kind,
      { ...this.#options, ...accept(this.#options) },
      signal,
    );
    for (const item of items) this.#take(item);
    this.#report(cache.retain(new Set(items.map(keyOf)), this.#options.namespace));
    this.#resourceVersion = resourceVersion;
    this.#heard();
    this.#markSynced();
  }

  async #watch(signal: AbortSignal, onProgress: () => void): Promise<void> {
    const { client, kind, clock, random } = this.#options;
    const { namespace, labelSelector, fieldSelector } = this.#options;
    const [shortest, longest] = REFLECTOR_DEFAULTS.watchSeconds;
    const initial = this.#resourceVersion === undefined;
    const present = new Set<string>();

    const watchdog = new AbortController();
    const onAbort = () => watchdog.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const silence = new CodedError('WatchSilent', 'no event or bookmark in time', { retriable: true });
    let disarm = clock.after(REFLECTOR_DEFAULTS.watchdogMs, () => watchdog.abort(silence));
    try {
      const lines = client.transport.stream(
        {
          method: 'GET',
          path: resourcePath(kind, namespace),
          ...accept(this.#options),
          query: {
            watch: true,
            allowWatchBookmarks: true,
            timeoutSeconds: Math.round(shortest + random() * (longest - shortest)),
            labelSelector,
            fieldSelector,
            ...(initial
              ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
              : { resourceVersion: this.#resourceVersion }),
          },
        },
        watchdog.signal,
      );
      for await (const line of lines) {
        disarm();
        disarm = clock.after(REFLECTOR_DEFAULTS.watchdogMs, () => watchdog.abort(silence));
        const event = JSON.parse(line) as WatchEvent<T>;
        // 410 comes as a status before the watch starts, and as an event once it has.
        if (event.type === 'ERROR') {
          const status = event.object as unknown as { code?: number };
          throw ApiError.parse(status.code ?? 500, JSON.stringify(status), `WATCH ${kind.kind}`);
        }
        this.#heard();
        onProgress();
        if (initial && event.type === 'ADDED') present.add(keyOf(event.object));
        if (this.#handle(event) === 'initial-events-end') {
          this.#report(this.#options.cache.retain(present, namespace));
          this.#markSynced();
        }
      }
    } finally {
      disarm();
      signal.removeEventListener('abort', onAbort);
    }
  }

  #handle(event: WatchEvent<T>): 'initial-events-end' | undefined {
    const { resourceVersion, annotations } = event.object.metadata;
    if (event.type === 'DELETED') this.#report(this.#options.cache.remove(event.object) ?? []);
    else if (event.type !== 'BOOKMARK') this.#take(event.object);
    const ended = event.type === 'BOOKMARK' && annotations?.[INITIAL_EVENTS_END] === 'true';
    // Until the initial events have ended there is no version to resume from.
    if (ended || this.#resourceVersion !== undefined) this.#resourceVersion = resourceVersion;
    return ended ? 'initial-events-end' : undefined;
  }

  #take(object: T): void {
    const { managedFields: _, ...metadata } = object.metadata;
    // Partial objects bear the kind of their form, not their own.
    const { apiVersion, kind } = this.#options.kind;
    const slim = { ...object, apiVersion, kind, metadata } as T;
    this.#report(this.#options.cache.store(this.#options.project?.(slim) ?? slim) ?? []);
  }

  #report(changes: CacheChange<T> | readonly CacheChange<T>[]): void {
    for (const change of [changes].flat()) this.#options.onChange(change as CacheChange<T>);
  }

  #heard(): void {
    this.#lastEventAt = this.#options.clock.monotonic();
  }
}

const accept = ({ metadataOnly }: { metadataOnly?: boolean }) =>
  metadataOnly
    ? {
        accept:
          'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      }
    : {};

/** A server without streaming lists refuses the query parameters. */
const isUnsupported = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 400 || error.status === 422);
