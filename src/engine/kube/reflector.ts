import { type Clock, sleep } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { eitherSignal } from '../../base/eitherSignal.ts';
import type { Logger } from '../../base/logger.ts';
import { ApiError, isForbidden, isGone, isNotFound } from './apiError.ts';
import { type BackoffPolicy, backoffMs } from './backoff.ts';
import { type KubeClient, type ListOptions, METADATA_ONLY } from './client.ts';
import { type KubeObject, keyOf, type ResourceKind, resourcePath } from './kubeObject.ts';
import { missingRule } from './missingRule.ts';
import { type CacheChange, isOlderVersion, type ObjectCache } from './objectCache.ts';
import { pickFields } from './pickFields.ts';
import { ProtobufReader } from './protobuf/protobufReader.ts';
import { parseWatchEvent, type WatchEvent } from './watchEvent.ts';

export interface ReflectorOptions<T extends KubeObject> extends ListOptions {
  readonly client: KubeClient;
  readonly kind: ResourceKind;
  readonly cache: ObjectCache<T>;
  /** The server may not know the kind, or not let this process read it. The reflector then looks for it at intervals, and reports no problem. */
  readonly optional?: boolean;
  /** Whether the cache keeps objects of a namespace; default: always. After it begins to, call `listAgain`. */
  readonly keeps?: (namespace: string | undefined) => boolean;
  /** Must only enqueue keys: fast, and without throwing. */
  readonly onChange: (change: CacheChange<T>) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

export const REFLECTOR_DEFAULTS = {
  /** The server ends each watch after a time in this range, so that not all of them end together. */
  watchSeconds: [300, 600],
  /** Bookmarks come about every minute; a longer silence may mean a dead connection. */
  watchdogMs: 75_000,
  /** Some servers send few bookmarks while nothing changes; after false alarms the watchdog waits up to this long. */
  longestWatchdogMs: 240_000,
  /**
   * A watch that ends sooner than this, without an event, counts as a failure. Otherwise a proxy that ends watches would
   * be asked in a loop.
   */
  shortestWatchMs: 1_000,
  backoff: { baseMs: 200, capMs: 30_000, jitter: 0.5 } satisfies BackoffPolicy,
  /** No event announces a new right, and a person may wait for it to take effect. */
  forbiddenBackoff: { baseMs: 200, capMs: 5_000, jitter: 0.5 } satisfies BackoffPolicy,
  /** An optional kind that the server does not know may be installed later. */
  absentBackoff: { baseMs: 5_000, capMs: 300_000, jitter: 0.5 } satisfies BackoffPolicy,
} as const;

const SILENT = 'WatchSilent';
const LIST_AGAIN = 'ListAgain';
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/**
 * Keeps a cache equal to the API server: one streaming list and watch, resumed from the last resource version, listed
 * anew after 410. It never gives up; `lastEventAt` tells how fresh the cache is.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  /** Undefined for a kind without protobuf, and after protobuf that could not be read: JSON from then on. */
  #reader: ProtobufReader | undefined;
  #resourceVersion: string | undefined;
  #lastEventAt: number | undefined;
  #streamingList = true;
  /** The error of the last attempt; undefined after a success. */
  #failure: Error | undefined;
  #watchdogMs: number = REFLECTOR_DEFAULTS.watchdogMs;
  /** Ends the sleep before the next attempt. */
  #wake: (() => void) | undefined;
  /** Ends the connection. */
  #interrupt: ((reason: Error) => void) | undefined;
  /** Wait for a list that begins after now, and for the one under way. */
  readonly #listed = { next: [] as (() => void)[], now: [] as (() => void)[] };
  #markSynced: () => void = () => {};
  #markSettled: () => void = () => {};

  /** Resolves when the cache holds everything for the first time. */
  readonly synced: Promise<void>;
  /** Resolves with `synced`, or when the server refuses to let us read this kind. */
  readonly settled: Promise<void>;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#reader = ProtobufReader.of(options.kind, options);
    this.synced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
    this.settled = new Promise((resolve) => {
      this.#markSettled = resolve;
    });
    void this.synced.then(() => this.#markSettled());
  }

  /** Monotonic time of the last event or bookmark. */
  get lastEventAt(): number | undefined {
    return this.#lastEventAt;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { random } = this.#options;
    let failures = 0;
    let wasSilent = false;
    while (!signal.aborted) {
      try {
        if (this.#listed.next.length > 0) {
          this.#resourceVersion = undefined;
          this.#listed.now.push(...this.#listed.next.splice(0));
        }
        if (this.#resourceVersion === undefined && !this.#streamingList) await this.#pagedList(signal);
        if (wasSilent) await this.#checkSilence(signal);
        wasSilent = false;
        await this.#watch(signal, () => {
          failures = 0;
          this.#failure = undefined;
        });
      } catch (error) {
        if (signal.aborted) return;
        if (this.#listed.next.length > 0) continue;
        wasSilent ||= error instanceof CodedError && error.code === SILENT;
        // What the event said is lost, so the watch cannot be resumed after it.
        if (isMalformed(error)) {
          this.#resourceVersion = undefined;
          this.#reader = undefined;
        }
        if (!this.#recovers(error)) this.#report(error, failures);
        const delayMs = backoffMs(this.#backoffAfter(error), failures++, random);
        await this.#rest(delayMs, signal);
      }
    }
  }

  /** Lists everything anew. Resolves when the cache holds it, or the server refuses to let us read this kind. */
  listAgain(): Promise<void> {
    return new Promise((resolve) => {
      this.#listed.next.push(resolve);
      this.#interrupt?.(new CodedError(LIST_AGAIN, 'the cache needs a new list', { retriable: true }));
      this.#wake?.();
    });
  }

  async #rest(delayMs: number, signal: AbortSignal): Promise<void> {
    const rest = new AbortController();
    this.#wake = () => rest.abort();
    const either = eitherSignal(signal, rest.signal);
    await sleep(this.#options.clock, delayMs, either.signal).catch(() => {});
    either.release();
    this.#wake = undefined;
  }

  /** Whether the kind is optional, and the server lacked it, or refused to let us read it, at the last attempt. */
  get isAbsent(): boolean {
    return this.#isAbsent(this.#failure);
  }

  /** Looks for an absent kind now, because somebody waits for it. */
  lookAgain(): void {
    if (this.isAbsent) this.#wake?.();
  }

  #backoffAfter(error: unknown): BackoffPolicy {
    const { backoff, forbiddenBackoff, absentBackoff } = REFLECTOR_DEFAULTS;
    if (this.#isAbsent(error)) return absentBackoff;
    return isForbidden(error) ? forbiddenBackoff : backoff;
  }

  /** Whether the kind is optional, and the server does not know it or does not let this process read it. */
  #isAbsent(error: unknown): boolean {
    return this.#options.optional === true && (isNotFound(error) || isForbidden(error));
  }

  /** Whether the next attempt takes another way for a known reason, so that this error is no failure. */
  #recovers(error: unknown): boolean {
    const { logger, kind } = this.#options;
    // Our version is older than the history of the server.
    if (this.#resourceVersion !== undefined && isGone(error)) {
      this.#resourceVersion = undefined;
      logger.debug('watch expired, listing again', { kind: kind.kind });
      return true;
    }
    if (this.#resourceVersion === undefined && this.#streamingList && isUnsupported(error)) {
      this.#streamingList = false;
      return true;
    }
    return false;
  }

  /**
   * Asks the server for its resource version after a silence. A server that was restored from a backup counts anew, and
   * stays silent for ever on a version from its future. For any other server, the silence means that nothing happens.
   */
  async #checkSilence(signal: AbortSignal): Promise<void> {
    const { client, kind, namespace } = this.#options;
    const ours = this.#resourceVersion;
    if (ours === undefined) return;
    const current = await client.version(kind, namespace, signal);
    this.#heard();
    if (isOlderVersion(current, ours)) this.#resourceVersion = undefined;
    else this.#watchdogMs = Math.min(REFLECTOR_DEFAULTS.longestWatchdogMs, this.#watchdogMs * 2);
  }

  #report(error: unknown, failures: number): void {
    const { logger, kind } = this.#options;
    const isNew = this.#failure === undefined;
    this.#failure = error instanceof Error ? error : new Error(String(error));
    if (isForbidden(error) || isNotFound(error)) {
      this.#markSettled();
      for (const resolve of this.#listed.now.splice(0)) resolve();
      // Logged once; readiness keeps reporting it.
      if (isNew && !(this.#isAbsent(error) && isNotFound(error)))
        logger.error(this.#refusal ?? 'watch refused', { kind: kind.kind });
    } else if (isMalformed(error) && isNew) logger.error(this.#failure.message, { kind: kind.kind });
    else logger.debug('watch failed, trying again', { kind: kind.kind, error, failures });
  }

  /** Why the cache is not current, and how to fix it; undefined while the watch runs. */
  get problem(): string | undefined {
    const { kind, namespace } = this.#options;
    const where = namespace === undefined ? '' : ` in namespace ${namespace}`;
    if (this.#isAbsent(this.#failure)) return undefined;
    const refusal = this.#refusal;
    if (refusal !== undefined) return refusal;
    if (isMalformed(this.#failure)) return `${kind.plural}${where}: ${this.#failure?.message}`;
    if (this.#lastEventAt === undefined)
      return `${kind.plural}: not synced${where}${this.#failure ? `: ${this.#failure.message}` : ''}`;
    return undefined;
  }

  /** Why the server refuses this watch, and how to fix it. */
  get #refusal(): string | undefined {
    const { kind, namespace } = this.#options;
    if (isForbidden(this.#failure)) return missingRule(kind, namespace, ['get', 'list', 'watch']);
    if (isNotFound(this.#failure))
      return `${kind.plural}: the server does not know ${kind.apiVersion} ${kind.kind}; install its CustomResourceDefinition`;
    return undefined;
  }

  async #pagedList(signal: AbortSignal): Promise<void> {
    const { client, kind } = this.#options;
    const { items, resourceVersion } = await client.list<T>(
      kind,
      { ...this.#options, managedFields: false, jsonOnly: this.#reader === undefined },
      signal,
    );
    for (const item of items) this.#take(item, 'list');
    this.#heard();
    this.#retain(new Set(items.map(keyOf)), resourceVersion);
  }

  async #watch(signal: AbortSignal, onProgress: () => void): Promise<void> {
    const { clock, kind } = this.#options;
    const startedAt = clock.monotonic();
    const present = this.#resourceVersion === undefined ? new Set<string>() : undefined;
    const isCheck = this.#watchdogMs > REFLECTOR_DEFAULTS.watchdogMs;
    let events = 0;
    for await (const event of this.#events(signal)) {
      events += 1;
      // 410 arrives as a status before the watch starts, and as an event after that.
      if (event.type === 'ERROR') {
        const status = event.object as unknown as { code?: number };
        throw ApiError.parse(status.code ?? 500, JSON.stringify(status), `WATCH ${kind.kind}`);
      }
      // An event that arrives at once was held back: the connection was silent, not the server.
      const wasKept = clock.monotonic() - startedAt < REFLECTOR_DEFAULTS.shortestWatchMs;
      if (isCheck && wasKept && !present && event.type !== 'BOOKMARK')
        this.#watchdogMs = REFLECTOR_DEFAULTS.watchdogMs;
      this.#heard();
      this.#handle(event, present);
      // A list that always breaks off half-way is asked for less and less often.
      if (this.#resourceVersion !== undefined) onProgress();
    }
    // The server ends a watch after its time. Before the end of the initial events there is nothing to resume.
    const cutShort = events === 0 && clock.monotonic() - startedAt < REFLECTOR_DEFAULTS.shortestWatchMs;
    if (!signal.aborted && (cutShort || this.#resourceVersion === undefined))
      throw new CodedError('WatchEnded', 'the watch ended early', { retriable: true });
  }

  /** The events of one connection. Ends with the connection; throws when it stays silent for too long. */
  async *#events(signal: AbortSignal): AsyncIterable<WatchEvent<T>> {
    const { client, kind, clock, random, namespace, labelSelector, fieldSelector, metadataOnly } =
      this.#options;
    const reader = this.#reader;
    const [shortest, longest] = REFLECTOR_DEFAULTS.watchSeconds;
    const watchdog = new AbortController();
    const onAbort = () => watchdog.abort(signal.reason);
    this.#interrupt = (reason) => watchdog.abort(reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const silence = new CodedError(SILENT, 'no event or bookmark in time', { retriable: true });
    let heardAt = clock.monotonic();
    let armedMs = this.#watchdogMs;
    // One timer for many events: when it fires, it looks how long the silence has really been.
    const arm = (delayMs: number): (() => void) =>
      clock.after(delayMs, () => {
        const leftMs = heardAt + armedMs - clock.monotonic();
        if (leftMs <= 0) watchdog.abort(silence);
        else disarm = arm(leftMs);
      });
    let disarm = arm(armedMs);
    try {
      const lines = client.transport.stream(
        {
          method: 'GET',
          path: resourcePath(kind, namespace),
          ...(metadataOnly ? { accept: METADATA_ONLY } : {}),
          reader,
          query: {
            watch: true,
            allowWatchBookmarks: true,
            timeoutSeconds: Math.round(shortest + random() * (longest - shortest)),
            labelSelector,
            fieldSelector,
            ...(this.#resourceVersion === undefined
              ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
              : { resourceVersion: this.#resourceVersion }),
          },
        },
        watchdog.signal,
      );
      for await (const line of lines) {
        heardAt = clock.monotonic();
        if (armedMs !== this.#watchdogMs) {
          disarm();
          armedMs = this.#watchdogMs;
          disarm = arm(armedMs);
        }
        yield parseWatchEvent<T>(line, reader);
      }
    } finally {
      disarm();
      this.#interrupt = undefined;
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** `present` collects the names of the initial events; it is passed while initial events may arrive. */
  #handle(event: WatchEvent<T>, present: Set<string> | undefined): void {
    const { cache, namespace } = this.#options;
    const { resourceVersion, annotations } = event.object.metadata;
    const initial = present !== undefined && this.#resourceVersion === undefined;
    if (event.type === 'DELETED') {
      if (initial) present.delete(keyOf(event.object));
      this.#tell(cache.remove(this.#slim(event.object)));
    } else if (event.type !== 'BOOKMARK') {
      if (initial) present.add(keyOf(event.object));
      this.#take(event.object, initial ? 'list' : 'watch');
    }
    if (initial) {
      const isEnd = event.type === 'BOOKMARK' && annotations?.[INITIAL_EVENTS_END] === 'true';
      if (isEnd && resourceVersion !== undefined) this.#retain(present, resourceVersion);
    } else if (resourceVersion !== undefined) {
      this.#resourceVersion = resourceVersion;
      cache.caughtUp(resourceVersion, namespace);
    }
  }

  #take(object: T, from: 'list' | 'watch'): void {
    const { cache, keeps } = this.#options;
    if (keeps?.(object.metadata.namespace) === false) return;
    this.#tell(cache.store(this.#slim(object), from));
  }

  #slim(object: T): T {
    // The reader of protobuf has done it, and has frozen the object.
    if (Object.isFrozen(object)) return object;
    const { managedFields: _, ...metadata } = object.metadata;
    // Objects with metadata only carry the kind PartialObjectMetadata, not their own.
    const { apiVersion, kind } = this.#options.kind;
    const slim = { ...object, apiVersion, kind, metadata } as T;
    const { fields } = this.#options;
    return fields ? pickFields(slim, fields) : slim;
  }

  /** A complete list has arrived: objects that it does not name are gone. */
  #retain(present: ReadonlySet<string>, listVersion: string): void {
    const { cache, namespace } = this.#options;
    for (const change of cache.retain(present, listVersion, namespace)) this.#tell(change);
    this.#resourceVersion = listVersion;
    this.#markSynced();
    for (const resolve of this.#listed.now.splice(0)) resolve();
  }

  #tell(change: CacheChange<T> | undefined): void {
    if (change) this.#options.onChange(change);
  }

  #heard(): void {
    this.#lastEventAt = this.#options.clock.monotonic();
  }
}

const MALFORMED: ReadonlySet<string> = new Set([
  'MalformedEvent',
  'MalformedProtobuf',
  'LineTooLong',
  'FrameTooLong',
]);
const isMalformed = (error: unknown): boolean => error instanceof CodedError && MALFORMED.has(error.code);

/** A server without streaming lists refuses their query parameters. */
const isUnsupported = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 400 || error.status === 422);
