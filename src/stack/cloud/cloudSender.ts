import { type Clock, sleep } from '../../base/clock.ts';
import { Gate } from '../../base/gate.ts';
import type { Logger } from '../../base/logger.ts';
import { TokenBucket } from '../../base/tokenBucket.ts';
import { type GraphError, statusError } from '../../cloud/graphErrors.ts';
import { graphMessage } from '../../cloud/graphMessage.ts';
import type { NetworkEvent } from '../wire/networkProtocol.ts';
import { afterRefusal, unreachableWaitMs } from './afterRefusal.ts';
import type { CloudMetrics } from './cloudMetrics.ts';
import type { CloudEntry, CloudState, QueuedMessage } from './cloudState.ts';
import { type GraphClient, GraphRefusal, GraphUnreachable } from './graphClient.ts';
import { Holds } from './holds.ts';

export interface CloudSenderOptions {
  readonly state: CloudState;
  /** Resolves when all entries are on disk and applied; otherwise none is. */
  readonly record: (...entries: CloudEntry[]) => Promise<void>;
  /** Makes the entry of an event. */
  readonly event: (body: NetworkEvent['body'], key: string) => CloudEntry;
  /** Events were recorded. */
  readonly onEvents: () => void;
  readonly graph: Pick<GraphClient, 'send'>;
  /** The id of an upload of this media. @throws as `GraphClient.upload` */
  readonly upload: (media: QueuedMessage['media'][number], signal: AbortSignal) => Promise<string>;
  /** Messages a second. */
  readonly throughput: number;
  readonly metrics: Pick<CloudMetrics, 'paced'>;
  /** How long a message waits for its status after a post without a known outcome, before it is posted again. */
  readonly unknownOutcomeMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends with the gateway. */
  readonly signal: AbortSignal;
}

/** The most that a person may get: one in 6 s after a burst. Source: docs/onprem/cloud-migration.md §11. */
const PAIR = { burst: 45, perSecond: 1 / 6 } as const;
/** Shares of the throughput. */
const PACE = { burst: 0.05, steady: 0.9 } as const;
const LONGEST_LIFE_MS = 30 * 86_400_000;
const AT_ONCE = 250;
const DISK_AGAIN_MS = 1_000;
/** A bucket that nobody touched for this long is full again, and forgotten. */
const PAIR_IS_FULL_MS = (PAIR.burst / PAIR.perSecond) * 1_000;
const EXPIRED: GraphError = { code: 131043, title: 'Message expired' };

/** As the intake names the status. */
const failureKey = (id: string): string => `${id}/failed`;

/** Messages to one person go in order, one at a time. */
interface Lane {
  readonly queue: string[];
  readonly pair: TokenBucket;
  readonly holds: Holds;
  isDraining: boolean;
  usedAtMs: number;
}

/** No second may have more than the throughput where it arrives, so the burst and the unevenness of networks come off. */
const paceOf = (throughput: number) => ({
  burst: Math.max(1, Math.floor(throughput * PACE.burst)),
  perSecond: throughput * PACE.steady,
});

/** Posts the messages of the stack to the Cloud API: none is lost, and none is posted again while it may be there. */
export class CloudSender {
  readonly #options: CloudSenderOptions;
  readonly #lanes = new Map<string, Lane>();
  /** Messages that are being recorded. One that comes again meanwhile is the same one. */
  readonly #accepting = new Map<string, Promise<void>>();
  #perSecond: number;
  readonly #throughput: TokenBucket;
  readonly #gate = new Gate({ atOnce: AT_ONCE, longestQueue: Number.POSITIVE_INFINITY });
  /** What holds all messages back. */
  readonly holds: Holds;

  constructor(options: CloudSenderOptions) {
    this.#options = options;
    const { clock, signal, throughput } = options;
    this.holds = new Holds(clock, signal);
    this.#perSecond = throughput;
    this.#throughput = new TokenBucket(clock, paceOf(throughput));
  }

  /** Messages a second. */
  get throughput(): number {
    return this.#perSecond;
  }

  set throughput(perSecond: number) {
    if (perSecond === this.#perSecond) return;
    this.#perSecond = perSecond;
    this.#throughput.adjust(paceOf(perSecond));
  }

  /** Resolves when the message is on disk. The same id twice is one message. */
  accept(message: Omit<QueuedMessage, 'acceptedAt' | 'failures'>): Promise<void> {
    const { id } = message;
    const accepting =
      this.#accepting.get(id) ?? this.#accept(message).finally(() => void this.#accepting.delete(id));
    this.#accepting.set(id, accepting);
    return accepting;
  }

  async #accept(message: Omit<QueuedMessage, 'acceptedAt' | 'failures'>): Promise<void> {
    const { state, record, clock } = this.#options;
    const { id } = message;
    // A message that Graph has is named, and one that has failed was told.
    if (state.queued.has(id) || state.wamidOf(id) !== undefined || state.hasTold(failureKey(id))) return;
    await record({ type: 'accepted', message: { ...message, acceptedAt: clock.now(), failures: 0 } });
    this.#enqueue(message);
  }

  /** Goes on with the messages of an earlier run. */
  resume(): void {
    for (const message of this.#options.state.queued.values())
      if (message.postingAt === undefined) this.#enqueue(message);
      // No status could come while the gateway was down, so its time begins anew.
      else this.#awaitStatus(message);
    void this.#forgetLanes();
  }

  #enqueue({ id, to }: Pick<QueuedMessage, 'id' | 'to'>): void {
    const { clock, signal } = this.#options;
    const known = this.#lanes.get(to);
    const lane: Lane = known ?? {
      queue: [],
      pair: new TokenBucket(clock, PAIR),
      holds: new Holds(clock, signal),
      isDraining: false,
      usedAtMs: clock.monotonic(),
    };
    this.#lanes.set(to, lane);
    if (!lane.queue.includes(id)) lane.queue.push(id);
    if (lane.isDraining) return;
    lane.isDraining = true;
    this.#drain(lane).catch((error: unknown) => {
      lane.isDraining = false;
      if (!signal.aborted) this.#options.logger.error('messages to a person stopped', { error });
    });
  }

  async #drain(lane: Lane): Promise<void> {
    const { state, metrics, clock, signal } = this.#options;
    for (let id = lane.queue.shift(); id !== undefined; id = lane.queue.shift()) {
      const message = state.queued.get(id);
      // A status may have told meanwhile that Graph has it.
      if (!message) continue;
      const waitMs = (message.notBefore ?? 0) - clock.now();
      if (waitMs > 0) {
        this.#later(message, waitMs);
        continue;
      }
      const waitsSinceMs = clock.monotonic();
      await lane.pair.take(signal);
      await lane.holds.wait();
      await this.holds.wait();
      await this.#throughput.take(signal);
      lane.usedAtMs = clock.monotonic();
      metrics.paced((lane.usedAtMs - waitsSinceMs) / 1_000);
      await this.#gate.run(() => this.#post(message, lane));
    }
    lane.isDraining = false;
  }

  #later(message: QueuedMessage, afterMs: number): void {
    const { clock, signal } = this.#options;
    sleep(clock, afterMs, signal).then(
      () => this.#enqueue(message),
      () => {},
    );
  }

  async #post(message: QueuedMessage, lane: Lane): Promise<void> {
    const { state, record, graph, upload, clock, logger, signal } = this.#options;
    const { id } = message;
    if (clock.now() - message.acceptedAt > LONGEST_LIFE_MS) return this.#fail(message, EXPIRED);
    let isPosting = false;
    try {
      const media: string[] = [];
      for (const file of message.media) media.push(await upload(file, signal));
      const body = graphMessage(message, { media, wamids: (known) => state.wamidOf(known) });
      await record({ type: 'posting', id, at: clock.now() });
      isPosting = true;
      const { wamid } = await graph.send(body, signal);
      await this.#recordSurely({ type: 'posted', id, wamid });
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof GraphRefusal) return this.#refused(message, error.error, lane);
      if (isPosting && !(error instanceof GraphUnreachable)) {
        logger.warn('it is not known whether the Cloud API has a message; waiting for its status', {
          id,
          error,
        });
        return this.#awaitStatus(message);
      }
      // Nothing has left: no connection, or no room on the disk.
      const afterMs = unreachableWaitMs(message.failures);
      logger.warn('a message could not be posted yet', { id, error, afterMs });
      this.holds.hold('unreachable', afterMs);
      await this.#again(message, 0);
    }
  }

  async #refused(message: QueuedMessage, error: GraphError, lane: Lane): Promise<void> {
    const { logger } = this.#options;
    const next = afterRefusal(error, message.failures);
    if (next.kind === 'fail') return this.#fail(message, error);
    logger.warn('the Cloud API refused a message for now', { id: message.id, code: error.code, next });
    if (next.kind === 'stop') {
      this.holds.hold(next.until);
      return this.#again(message, 0);
    }
    if (next.holds === 'number') this.holds.hold(`error ${error.code}`, next.afterMs);
    if (next.holds === 'person') lane.holds.hold(`error ${error.code}`, next.afterMs);
    return this.#again(message, next.holds === 'message' ? next.afterMs : 0);
  }

  /** The message goes again, before those that came after it unless it waits alone. */
  async #again(message: QueuedMessage, afterMs: number): Promise<void> {
    const { clock } = this.#options;
    await this.#recordSurely({ type: 'unsent', id: message.id, notBefore: clock.now() + afterMs });
    const lane = this.#lanes.get(message.to);
    if (afterMs === 0 && lane) lane.queue.unshift(message.id);
    else this.#later(message, afterMs);
  }

  async #fail(message: QueuedMessage, error: GraphError): Promise<void> {
    const { clock, event, onEvents } = this.#options;
    const { id, to } = message;
    const timestamp = String(Math.floor(clock.now() / 1000));
    const errors = [statusError(error)];
    await this.#recordSurely(
      event(
        { kind: 'status', messageId: id, recipient: to, status: 'failed', timestamp, errors },
        failureKey(id),
      ),
      { type: 'dropped', id },
    );
    onEvents();
  }

  /** The message is posted again if no status has named it by then. */
  #awaitStatus(message: QueuedMessage): void {
    const { state, unknownOutcomeMs, clock, logger, signal } = this.#options;
    sleep(clock, unknownOutcomeMs, signal)
      .then(async () => {
        if (!state.queued.has(message.id)) return;
        logger.warn('no status names a message whose outcome is unknown; posting it again', {
          id: message.id,
        });
        await this.#recordSurely({ type: 'unsent', id: message.id, notBefore: clock.now() });
        this.#enqueue(message);
      })
      .catch((error: unknown) => {
        if (!signal.aborted)
          logger.error('a message waits for its status for ever', { id: message.id, error });
      });
  }

  /** What has happened must be known after a restart, so a full disk is waited for. */
  async #recordSurely(...entries: CloudEntry[]): Promise<void> {
    const { record, clock, logger, signal } = this.#options;
    for (let isFirst = true; ; isFirst = false)
      try {
        return await record(...entries);
      } catch (error) {
        if (isFirst) logger.error('the journal cannot be written; trying again', { error });
        await sleep(clock, DISK_AGAIN_MS, signal);
      }
  }

  async #forgetLanes(): Promise<void> {
    const { clock, signal } = this.#options;
    while (!signal.aborted) {
      await sleep(clock, PAIR_IS_FULL_MS, signal).catch(() => {});
      const fullSince = clock.monotonic() - PAIR_IS_FULL_MS;
      for (const [to, lane] of this.#lanes)
        if (!lane.isDraining && lane.usedAtMs < fullSince && lane.holds.reasons.length === 0)
          this.#lanes.delete(to);
    }
  }
}
