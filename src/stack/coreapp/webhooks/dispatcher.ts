import { Agent } from 'node:https';
import { createSecureContext, rootCertificates } from 'node:tls';
import { type Clock, sleep } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import { discard, openHttps } from '../../../base/openHttps.ts';
import type { CallbackStore, DueCallback } from '../../store/callbackStore.ts';
import type { NodeMetrics } from '../nodeMetrics.ts';
import type { MemoryCallbacks } from './memoryCallbacks.ts';

export interface DispatcherOptions {
  readonly store: CallbackStore;
  readonly memory: MemoryCallbacks;
  readonly metrics: NodeMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The receiver answered a callback with 200. */
  readonly onDelivered: (payload: string) => void;
}

export interface DispatcherSettings {
  readonly url: string;
  readonly maxConcurrentRequests: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Read once at the start of the node: a change needs a restart, as with the real product. */
  readonly ca: string | undefined;
}

/** Not found in any source: how long a receiver may take to answer. */
const RECEIVER_TIMEOUT_MS = 20_000;
/** Sources disagree about whether it ever gives up; the overview says after about 24 hours. */
const GIVE_UP_SECONDS = 24 * 3600;
/** How often the database is read for callbacks whose delay is over. */
const POLL_MS = 1_000;
/** How long a stopping node waits for receivers, so that another node does not deliver the same callbacks again. */
const DRAIN = { forMs: 2_000, everyMs: 20 } as const;

/** Callbacks that are read from the database at once. */
const READ_AHEAD = 500;
const NEVER = new AbortController().signal;

/** Posts callbacks to the webhook until each is answered with 200. Any other status is a failure. */
export class WebhookDispatcher {
  readonly #options: DispatcherOptions;
  #settings: DispatcherSettings | undefined;
  #agent: Agent | undefined;
  #shard: number | undefined;
  /** Callbacks that were read ahead, so that the database is not asked for each one. */
  #ahead: DueCallback[] = [];
  readonly #inFlight = new Set<number>();
  #looking = false;
  #again = false;
  #stopped = false;
  #cancelPoll: (() => void) | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Callbacks that wait for their answer. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  configure(settings: DispatcherSettings, shard: number | undefined): void {
    if (
      settings.ca !== this.#settings?.ca ||
      settings.maxConcurrentRequests !== this.#settings?.maxConcurrentRequests ||
      !this.#agent
    ) {
      this.#agent?.destroy();
      this.#agent = new Agent({
        keepAlive: true,
        maxSockets: settings.maxConcurrentRequests,
        // One context for all requests: an agent with a `ca` option parses and compares all CAs for each request.
        secureContext: createSecureContext(settings.ca ? { ca: [...rootCertificates, settings.ca] } : {}),
      });
    }
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
        if (this.#again && !this.#stopped) {
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
    this.#stopped = true;
    this.#cancelPoll?.();
    this.#agent?.destroy();
  }

  #schedule(): void {
    this.#cancelPoll?.();
    if (!this.#stopped) this.#cancelPoll = this.#options.clock.after(POLL_MS, () => this.wake());
  }

  async #look(): Promise<void> {
    const settings = this.#settings;
    if (this.#stopped || !settings?.url || this.#shard === undefined) return;
    const room = settings.maxConcurrentRequests - this.#inFlight.size;
    if (room <= 0) return;
    const { memory, store } = this.#options;
    const kept = memory.due(room, this.#inFlight);
    for (const callback of kept) void this.#deliver(callback, settings);
    if (kept.length === room) return;
    if (this.#ahead.length === 0) {
      const shard = this.#shard;
      const stored = [...this.#inFlight].filter((seq) => seq >= 0);
      const read = await store.due(shard, READ_AHEAD, stored);
      if (shard === this.#shard) this.#ahead = read;
    }
    for (const callback of this.#ahead.splice(0, room - kept.length)) void this.#deliver(callback, settings);
  }

  async #deliver(callback: DueCallback, settings: DispatcherSettings): Promise<void> {
    const { metrics, clock, logger } = this.#options;
    this.#inFlight.add(callback.seq);
    const startedMs = clock.monotonic();
    try {
      const problem = await this.#post(settings.url, callback.payload);
      metrics.duration('callback_requests_duration_ms', 'Callback requests', clock.monotonic() - startedMs, {
        result: problem === undefined ? 'success' : problem.replace(/^HTTP /, ''),
        type: callback.payload.startsWith('{"statuses"') ? 'status_change' : 'inbound_message',
      });
      if (problem === undefined) {
        this.#options.onDelivered(callback.payload);
        await this.#remove(callback);
      } else await this.#postpone(callback, settings, problem);
    } catch (error) {
      logger.warn('callback state not stored', { error });
    } finally {
      this.#inFlight.delete(callback.seq);
      this.wake();
    }
  }

  async #remove({ seq }: DueCallback): Promise<void> {
    await this.#keeperOf(seq).remove(seq);
  }

  /** Where a callback is kept: those in memory have negative numbers. */
  #keeperOf(seq: number): MemoryCallbacks | CallbackStore {
    return seq < 0 ? this.#options.memory : this.#options.store;
  }

  async #postpone(callback: DueCallback, settings: DispatcherSettings, problem: string): Promise<void> {
    const { logger } = this.#options;
    if (callback.ageSeconds > GIVE_UP_SECONDS) {
      logger.error('callback dropped: the webhook refused it for 24 hours', {
        problem,
        attempts: callback.attempts + 1,
      });
      return this.#remove(callback);
    }
    const attempts = callback.attempts + 1;
    // Linear, as documented: 3 s, 6 s, 9 s, ...
    const delayMs = Math.min(settings.maxBackoffMs, attempts * settings.backoffMs);
    logger.warn('callback not delivered; it is tried again', { problem, attempts, delayMs });
    await this.#keeperOf(callback.seq).postpone(callback.seq, attempts, delayMs);
  }

  /** What went wrong; undefined for a 200. */
  async #post(url: string, payload: string): Promise<string | undefined> {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
    try {
      const response = await openHttps(
        {
          to: url,
          method: 'POST',
          headers,
          body: payload,
          timeoutMs: RECEIVER_TIMEOUT_MS,
          agent: this.#agent,
        },
        NEVER,
      );
      await discard(response);
      return response.statusCode === 200 ? undefined : `HTTP ${response.statusCode}`;
    } catch (error) {
      return (error as Error).message;
    }
  }
}
