import { SpanKind } from '@opentelemetry/api';
import { type Clock, sleep } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import { type Rate, TokenBucket } from '../../../base/tokenBucket.ts';
import { traced } from '../../../base/tracing/traced.ts';
import { isTracing } from '../../../base/tracing/tracingState.ts';
import type { CallbackStore, DueCallback } from '../../store/callbackStore.ts';
import type { CallbackReport } from '../../wire/reports.ts';
import type { NodeMetrics } from '../nodeMetrics.ts';
import { chooseBodies } from './chooseBodies.ts';
import { describeCallback } from './describeCallback.ts';
import type { MemoryCallbacks } from './memoryCallbacks.ts';
import { delayAfter, hasGivenUp } from './patience.ts';
import { joinStatuses } from './payloads.ts';
import type { Posted, WebhookPoster } from './webhookPoster.ts';

export interface DispatcherOptions {
  readonly store: CallbackStore;
  readonly memory: MemoryCallbacks;
  readonly metrics: NodeMetrics;
  readonly poster: Pick<WebhookPoster, 'configure' | 'post' | 'close'>;
  readonly clock: Clock & { readonly movedMs?: number };
  readonly logger: Logger;
  /** The receiver answered this body with 200. */
  readonly onDelivered: (body: string) => void;
  /** What became of each attempt. */
  readonly onAttempt: (report: () => CallbackReport) => void;
}

export interface DispatcherSettings {
  readonly url: string;
  readonly maxConcurrentRequests: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Read once at the start of the node: a change needs a restart, as with the real product. */
  readonly ca: string | undefined;
}

/** How often the database is read for callbacks whose delay is over. */
const POLL_MS = 1_000;
/** How long a stopping node waits for receivers, so that another node does not deliver the same callbacks again. */
const DRAIN = { forMs: 2_000, everyMs: 20 } as const;

/** Callbacks that are read from the database at once, and the shortest time between two reads. */
const READ_AHEAD = { callbacks: 500, everyMs: 25 } as const;
/**
 * Statuses that get a callback each: three of each message at the documented burst of the API and throughput of one
 * Coreapp. Under a higher load they share callbacks, and also when the receiver is slow: one has found no free request for
 * so long, or more wait than are read at once. Source: docs/onprem/api-messaging.md §9.1, §9.3.
 */
const ALONE: Rate & { readonly forMs: number } = { burst: 3 * 150, perSecond: 3 * 70, forMs: 250 };
/**
 * How long statuses go on sharing after one that found the rate used up. Under a load above the rate all of them share: those
 * with a callback of their own would be half of all callbacks.
 */
const SHARE_ON_MS = 1_000;
/** What became of a callback that could not be stored is stored later; until then it is not posted again. */
const STORE_AGAIN = { afterMs: 1_000, atMostMs: 60_000 } as const;
/** How often callbacks are looked for that wait longer than any delay, because the database's clock went back. */
const HASTEN_EVERY_MS = 10_000;
const NEVER = new AbortController().signal;

interface Waiting extends DueCallback {
  /** When it was read, by the monotonic clock. */
  readonly sinceMs: number;
}

/** Posts callbacks to the webhook until each is answered with 200. Any other status is a failure. */
export class WebhookDispatcher {
  readonly #options: DispatcherOptions;
  #settings: DispatcherSettings | undefined;
  #shard: number | undefined;
  /** Callbacks that were read ahead, so that the database is not asked for each one. */
  #ahead: Waiting[] = [];
  /** Whether the last read found all that it may read. */
  #hasMore = false;
  /** Numbers of the callbacks that wait for their answer, or for the database to take it. */
  readonly #inFlight = new Set<number>();
  /** The messages that those are about. */
  readonly #busy = new Set<string>();
  /**
   * Messages of which a callback was refused. Nothing that is read of them counts until a read begins after the refusal
   * was stored: it would overtake that callback.
   */
  readonly #refused = new Set<string>();
  /** Requests that wait for their answer. */
  #requests = 0;
  readonly #alone: TokenBucket;
  readonly #stop = new AbortController();
  #looking = false;
  #again = false;
  #hastenAt = 0;
  /** When the database may be read again. */
  #readAtMs = Number.NEGATIVE_INFINITY;
  #cancelPoll: (() => void) | undefined;
  /** When the next look is scheduled, by the monotonic clock. */
  #looksAtMs = Number.POSITIVE_INFINITY;
  /** Until when statuses share callbacks. */
  #sharesUntilMs = Number.NEGATIVE_INFINITY;

  /** Counts up when all callbacks are forgotten. */
  #life = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#alone = new TokenBucket(options.clock, ALONE);
  }

  /** Callbacks that wait for their answer. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  configure(settings: DispatcherSettings, shard: number | undefined): void {
    this.#options.poster.configure(settings);
    // Callbacks of a shard that this node lost belong to the new owner.
    if (shard !== this.#shard) this.#ahead = [];
    this.#settings = settings;
    this.#shard = shard;
    this.wake();
  }

  /** The node lost its shard: sends nothing more until `configure` is called again. */
  release(): void {
    this.#shard = undefined;
    this.#ahead = [];
  }

  /** Forgets all callbacks, because they are gone. What a receiver still answers to one that is under way counts no more. */
  forget(): void {
    this.#ahead = [];
    this.#life += 1;
  }

  /** Looks for due callbacks now. */
  wake(): void {
    if (this.#looking) {
      this.#again = true;
      return;
    }
    // It looks as soon as it may. Each message wakes it several times.
    if (this.#looksAtMs <= this.#readAtMs) return;
    this.#looking = true;
    void this.#look()
      .catch((error: unknown) => {
        this.#options.logger.warn('callbacks could not be read', { error });
        return this.#options.clock.monotonic() + POLL_MS;
      })
      .then((atMs) => {
        this.#looking = false;
        if (this.#again && !this.#stop.signal.aborted) {
          this.#again = false;
          this.wake();
        } else this.#schedule(atMs);
      });
  }

  /** Sends nothing more, and waits a moment for receivers to answer open requests. */
  async stop(): Promise<void> {
    this.release();
    const { clock } = this.#options;
    for (const end = clock.monotonic() + DRAIN.forMs; this.#inFlight.size > 0 && clock.monotonic() < end; )
      await sleep(clock, DRAIN.everyMs, NEVER);
    this.#stop.abort(new Error('stopping'));
    this.#cancelPoll?.();
    this.#options.poster.close();
  }

  #schedule(atMs: number): void {
    this.#cancelPoll?.();
    if (this.#stop.signal.aborted) return;
    const { clock } = this.#options;
    this.#looksAtMs = atMs;
    this.#cancelPoll = clock.after(atMs - clock.monotonic(), () => {
      this.#looksAtMs = Number.POSITIVE_INFINITY;
      this.wake();
    });
  }

  /** @returns when to look again, by the monotonic clock */
  async #look(): Promise<number> {
    const { clock } = this.#options;
    const settings = this.#settings;
    const nowMs = clock.monotonic();
    if (this.#shard === undefined || !settings || !this.#room) return nowMs + POLL_MS;
    if (nowMs < this.#readAtMs) return this.#readAtMs;
    this.#readAtMs = nowMs + READ_AHEAD.everyMs;
    await this.#readAhead(this.#shard, settings);
    this.#post();
    return clock.monotonic() + POLL_MS;
  }

  /** Requests that may be made now. */
  get #room(): number {
    if (this.#stop.signal.aborted || this.#shard === undefined || !this.#settings?.url) return 0;
    return Math.max(0, this.#settings.maxConcurrentRequests - this.#requests);
  }

  /** Reads what is due, besides what is known. */
  async #readAhead(shard: number, settings: DispatcherSettings): Promise<void> {
    const { store, memory, clock } = this.#options;
    if (clock.monotonic() >= this.#hastenAt) {
      this.#hastenAt = clock.monotonic() + HASTEN_EVERY_MS;
      await store.hasten(shard, settings.maxBackoffMs);
    }
    for (const about of this.#refused) if (!this.#busy.has(about)) this.#refused.delete(about);
    const known = new Set([...this.#inFlight, ...this.#ahead.map(({ seq }) => seq)]);
    const stored = [...known].filter((seq) => seq >= 0);
    const read = [
      ...memory.due(READ_AHEAD.callbacks, known),
      ...(await store.due(shard, READ_AHEAD.callbacks, stored)),
    ];
    if (shard !== this.#shard) return;
    const nowMs = clock.monotonic();
    for (const callback of read)
      if (!this.#inFlight.has(callback.seq) && !this.#refused.has(callback.about ?? ''))
        this.#ahead.push({ ...callback, sinceMs: nowMs });
    this.#hasMore = read.length >= READ_AHEAD.callbacks;
  }

  /** Whether the receiver does not keep up. */
  get #isLate(): boolean {
    if (this.#hasMore) return true;
    const [oldest] = this.#ahead;
    return oldest !== undefined && this.#options.clock.monotonic() - oldest.sinceMs > ALONE.forMs;
  }

  /** Whether the rate allows one more status a callback of its own. Those that share count too. */
  #mayGoAlone(): boolean {
    const nowMs = this.#options.clock.monotonic();
    if (!this.#alone.tryTake()) this.#sharesUntilMs = nowMs + SHARE_ON_MS;
    return nowMs >= this.#sharesUntilMs;
  }

  /** Posts what there is room for. */
  #post(): void {
    const settings = this.#settings;
    if (!settings || this.#ahead.length === 0) return;
    const isLate = this.#isLate;
    const { bodies, rest } = chooseBodies(this.#ahead, {
      room: this.#room,
      isBusy: (about) => this.#busy.has(about),
      mayGoAlone: () => this.#mayGoAlone() && !isLate,
    });
    this.#ahead = rest;
    for (const body of bodies) void this.#deliver(body, settings);
  }

  async #deliver(callbacks: readonly DueCallback[], settings: DispatcherSettings): Promise<void> {
    const { clock, logger } = this.#options;
    this.#requests += 1;
    for (const { seq, about } of callbacks) {
      this.#inFlight.add(seq);
      if (about !== undefined) this.#busy.add(about);
    }
    try {
      await this.#attempt(callbacks, settings);
    } catch (error) {
      logger.error('a callback could not be delivered', { error });
      await sleep(clock, STORE_AGAIN.atMostMs, this.#stop.signal).catch(() => {});
    } finally {
      this.#requests -= 1;
      for (const { seq, about } of callbacks) {
        this.#inFlight.delete(seq);
        if (about !== undefined) this.#busy.delete(about);
      }
      this.#post();
      this.wake();
    }
  }

  /** Posts callbacks in one body, and stores what became of each. */
  async #attempt(callbacks: readonly DueCallback[], settings: DispatcherSettings): Promise<void> {
    const { clock, onDelivered, onAttempt } = this.#options;
    const payloads = callbacks.map(({ payload }) => payload);
    const body = payloads.length === 1 ? (payloads[0] ?? '') : joinStatuses(payloads);
    const [at, life, startedMs] = [clock.now(), this.#life, clock.monotonic()];
    const posted = await this.#postTraced(callbacks, settings.url, body);
    const { problem } = posted;
    const durationMs = clock.monotonic() - startedMs;
    this.#measure(body, durationMs, problem);
    if (life !== this.#life) return;
    if (problem === undefined) onDelivered(body);
    const over: DueCallback[] = [];
    const stores: (() => Promise<void> | void)[] = [];
    for (const callback of callbacks) {
      const delayMs = problem === undefined ? undefined : this.#delayAfter(callback, settings, problem);
      if (delayMs === undefined) over.push(callback);
      else stores.push(() => this.#keeperOf(callback).postpone(callback, callback.attempts + 1, delayMs));
      onAttempt(() => ({
        key: callback.key,
        payload: callback.payload,
        state: problem === undefined ? 'delivered' : delayMs === undefined ? 'dropped' : 'waiting',
        attempt: { at, url: settings.url, durationMs, ...posted },
        ...(delayMs === undefined ? {} : { delayMs }),
      }));
    }
    for (const keeper of new Set(over.map((callback) => this.#keeperOf(callback)))) {
      const seqs = over.filter((callback) => this.#keeperOf(callback) === keeper).map(({ seq }) => seq);
      stores.push(() => keeper.remove(seqs));
    }
    await Promise.all(stores.map((store) => this.#untilStored(store)));
  }

  /** One span for each attempt, in the trace of its first callback. It names those of the others that share the body. */
  #postTraced(callbacks: readonly DueCallback[], url: string, body: string): Promise<Posted> {
    const { poster } = this.#options;
    if (!isTracing()) return poster.post(url, body);
    const [first, ...others] = callbacks;
    const links = others.map(({ traceparent }) => traceparent);
    const attributes = {
      // Path and query of a webhook often hold a token.
      ...(URL.canParse(url) ? { 'server.address': new URL(url).hostname } : {}),
      'http.request.method': 'POST',
      'waba.callbacks': callbacks.length,
      'waba.attempt': (first?.attempts ?? 0) + 1,
    };
    const about = { kind: SpanKind.CLIENT, parent: first?.traceparent, links, attributes };
    return traced('webhook POST', about, async (work) => {
      const posted = await poster.post(url, body, work.traceparent);
      if (posted.status !== undefined) work.set({ 'http.response.status_code': posted.status });
      if (posted.problem !== undefined) work.fail({ code: posted.status ?? 'NoAnswer' });
      return posted;
    });
  }

  #measure(body: string, durationMs: number, problem: string | undefined): void {
    this.#options.metrics.duration('callback_requests_duration_ms', 'Callback requests', durationMs, {
      result: problem === undefined ? 'success' : problem.replace(/^HTTP /, ''),
      type: body.startsWith('{"statuses"') ? 'status_change' : 'inbound_message',
    });
  }

  /**
   * Stores what became of a callback, however long the database needs. The callback stays in flight: otherwise it would be
   * due, and be posted again and again.
   */
  async #untilStored(store: () => Promise<void> | void): Promise<void> {
    const { clock, logger } = this.#options;
    for (let waitMs: number = STORE_AGAIN.afterMs; ; waitMs = Math.min(waitMs * 2, STORE_AGAIN.atMostMs)) {
      try {
        return await store();
      } catch (error) {
        if (waitMs === STORE_AGAIN.afterMs) logger.warn('state of a callback not stored yet', { error });
      }
      await sleep(clock, waitMs, this.#stop.signal).catch(() => {});
      if (this.#stop.signal.aborted) return;
    }
  }

  /** Where a callback is kept: those in memory have negative numbers. */
  #keeperOf({ seq }: DueCallback): MemoryCallbacks | CallbackStore {
    return seq < 0 ? this.#options.memory : this.#options.store;
  }

  /** After which delay a callback that failed is tried again; undefined if it is given up. */
  #delayAfter(callback: DueCallback, settings: DispatcherSettings, problem: string): number | undefined {
    const { logger, clock } = this.#options;
    const attempts = callback.attempts + 1;
    const about = { problem, url: settings.url, callback: describeCallback(callback.payload), attempts };
    if (hasGivenUp({ ...callback, attempts }, settings, clock.movedMs)) {
      logger.error('callback dropped: the webhook refused it for 24 hours', about);
      return undefined;
    }
    const delayMs = delayAfter(attempts, settings);
    logger.warn('callback not delivered; it is tried again', { ...about, delayMs });
    // What is known of the same message waits as long.
    if (callback.about !== undefined) {
      this.#refused.add(callback.about);
      this.#ahead = this.#ahead.filter(({ about }) => about !== callback.about);
    }
    return delayMs;
  }
}
