import { type Clock, sleep } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import type { CallbackStore, DueCallback } from '../../store/callbackStore.ts';
import type { CallbackReport } from '../../wire/reports.ts';
import type { NodeMetrics } from '../nodeMetrics.ts';
import { describeCallback } from './describeCallback.ts';
import type { MemoryCallbacks } from './memoryCallbacks.ts';
import { delayAfter, hasGivenUp } from './patience.ts';
import type { WebhookPoster } from './webhookPoster.ts';

export interface DispatcherOptions {
  readonly store: CallbackStore;
  readonly memory: MemoryCallbacks;
  readonly metrics: NodeMetrics;
  readonly poster: Pick<WebhookPoster, 'configure' | 'post' | 'close'>;
  readonly clock: Clock & { readonly movedMs?: number };
  readonly logger: Logger;
  /** The receiver answered a callback with 200. */
  readonly onDelivered: (payload: string) => void;
  /** What became of each attempt. */
  readonly onAttempt: (report: CallbackReport) => void;
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

/** Callbacks that are read from the database at once. */
const READ_AHEAD = 500;
/** What became of a callback that could not be stored is stored later; until then it is not posted again. */
const STORE_AGAIN = { afterMs: 1_000, atMostMs: 60_000 } as const;
/** How often callbacks are looked for that wait longer than any delay, because the database's clock went back. */
const HASTEN_EVERY_MS = 10_000;
const NEVER = new AbortController().signal;

/** Posts callbacks to the webhook until each is answered with 200. Any other status is a failure. */
export class WebhookDispatcher {
  readonly #options: DispatcherOptions;
  #settings: DispatcherSettings | undefined;
  #shard: number | undefined;
  /** Callbacks that were read ahead, so that the database is not asked for each one. */
  #ahead: DueCallback[] = [];
  /** Callbacks that wait for their answer, or for the database to take it, with the message that each is about. */
  readonly #inFlight = new Map<number, string | undefined>();
  readonly #stop = new AbortController();
  #looking = false;
  #again = false;
  #hastenAt = 0;
  #cancelPoll: (() => void) | undefined;

  /** Counts up when all callbacks are forgotten. */
  #life = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
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
    this.#looking = true;
    void this.#look()
      .catch((error: unknown) => this.#options.logger.warn('callbacks could not be read', { error }))
      .finally(() => {
        this.#looking = false;
        if (this.#again && !this.#stop.signal.aborted) {
          this.#again = false;
          this.wake();
        } else this.#schedule();
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

  #schedule(): void {
    this.#cancelPoll?.();
    if (!this.#stop.signal.aborted) this.#cancelPoll = this.#options.clock.after(POLL_MS, () => this.wake());
  }

  async #look(): Promise<void> {
    const settings = this.#settings;
    if (this.#stop.signal.aborted || !settings?.url || this.#shard === undefined) return;
    const room = settings.maxConcurrentRequests - this.#inFlight.size;
    if (room <= 0) return;
    const kept = this.#options.memory.due(room, this.#inFlight);
    for (const callback of kept) void this.#deliver(callback, settings);
    let left = room - kept.length - this.#post(room - kept.length, settings);
    if (left === 0) return;
    await this.#readAhead(this.#shard, settings);
    left -= this.#post(left, settings);
  }

  /** Reads what is due, besides what is known. */
  async #readAhead(shard: number, settings: DispatcherSettings): Promise<void> {
    const { store, clock } = this.#options;
    if (clock.monotonic() >= this.#hastenAt) {
      this.#hastenAt = clock.monotonic() + HASTEN_EVERY_MS;
      await store.hasten(shard, settings.maxBackoffMs);
    }
    const stored = [...this.#inFlight.keys()].filter((seq) => seq >= 0);
    const read = await store.due(shard, READ_AHEAD, [...stored, ...this.#ahead.map(({ seq }) => seq)]);
    const known = new Set(this.#ahead.map(({ seq }) => seq));
    if (shard === this.#shard)
      this.#ahead.push(...read.filter(({ seq }) => !known.has(seq) && !this.#inFlight.has(seq)));
  }

  /** Posts so many callbacks. Those of one message are posted one after another. @returns how many */
  #post(room: number, settings: DispatcherSettings): number {
    const busy = new Set(this.#inFlight.values());
    const chosen: DueCallback[] = [];
    this.#ahead = this.#ahead.filter((callback) => {
      const { about } = callback;
      const isFree = chosen.length < room && (about === undefined || !busy.has(about));
      // A callback that has to wait holds back those after it.
      busy.add(about);
      if (isFree) chosen.push(callback);
      return !isFree;
    });
    for (const callback of chosen) void this.#deliver(callback, settings);
    return chosen.length;
  }

  async #deliver(callback: DueCallback, settings: DispatcherSettings): Promise<void> {
    const { poster, clock, logger } = this.#options;
    this.#inFlight.set(callback.seq, callback.about);
    const startedMs = clock.monotonic();
    try {
      const [at, life] = [clock.now(), this.#life];
      const posted = await poster.post(settings.url, callback.payload);
      const { problem } = posted;
      const durationMs = clock.monotonic() - startedMs;
      this.#measure(callback, durationMs, problem);
      if (life !== this.#life) return;
      if (problem === undefined) this.#options.onDelivered(callback.payload);
      const { isOver, delayMs, store } = this.#outcome(callback, settings, problem);
      this.#options.onAttempt({
        key: callback.key,
        payload: callback.payload,
        state: problem === undefined ? 'delivered' : isOver ? 'dropped' : 'waiting',
        attempt: { at, url: settings.url, durationMs, ...posted },
        ...(delayMs === undefined ? {} : { delayMs }),
      });
      await this.#untilStored(store);
    } catch (error) {
      logger.error('a callback could not be delivered', { error });
      await sleep(clock, STORE_AGAIN.atMostMs, this.#stop.signal).catch(() => {});
    } finally {
      this.#inFlight.delete(callback.seq);
      this.wake();
    }
  }

  #measure({ payload }: DueCallback, durationMs: number, problem: string | undefined): void {
    this.#options.metrics.duration('callback_requests_duration_ms', 'Callback requests', durationMs, {
      result: problem === undefined ? 'success' : problem.replace(/^HTTP /, ''),
      type: payload.startsWith('{"statuses"') ? 'status_change' : 'inbound_message',
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

  /** Whether a callback is done with, or else after which delay it is tried again; and what stores that. */
  #outcome(callback: DueCallback, settings: DispatcherSettings, problem: string | undefined): Outcome {
    const { logger, clock } = this.#options;
    const keeper = this.#keeperOf(callback);
    const over = { isOver: true, store: () => keeper.remove(callback.seq) };
    if (problem === undefined) return over;
    const attempts = callback.attempts + 1;
    const about = { problem, url: settings.url, callback: describeCallback(callback.payload), attempts };
    if (hasGivenUp({ ...callback, attempts }, settings, clock.movedMs)) {
      logger.error('callback dropped: the webhook refused it for 24 hours', about);
      return over;
    }
    const delayMs = delayAfter(attempts, settings);
    logger.warn('callback not delivered; it is tried again', { ...about, delayMs });
    // What is known of the same message waits as long.
    if (callback.about !== undefined)
      this.#ahead = this.#ahead.filter(({ about }) => about !== callback.about);
    return { isOver: false, delayMs, store: () => keeper.postpone(callback, attempts, delayMs) };
  }
}

interface Outcome {
  readonly isOver: boolean;
  readonly delayMs?: number;
  readonly store: () => Promise<void> | void;
}
