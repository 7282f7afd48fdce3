import { SpanKind } from '@opentelemetry/api';
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/logger.ts';
import { pooledRandomBytes } from '../../../base/randomPool.ts';
import { traced } from '../../../base/tracing/traced.ts';
import { mediaReferences, messageId } from '../../../onprem/messages.ts';
import type { MediaFile } from '../../store/mediaStore.ts';
import type { MessageStore, StoredMessage } from '../../store/messageStore.ts';
import { messageAttributes } from '../../wire/messageAttributes.ts';
import type { NetworkProtocol } from '../../wire/networkProtocol.ts';
import type { CallResponse } from '../../wire/protocol.ts';
import type { Gateway } from '../gateway.ts';
import type { NodeMetrics } from '../nodeMetrics.ts';
import { Backlog } from './backlog.ts';

export interface OutboxOptions {
  readonly store: Pick<MessageStore, 'insert' | 'pending' | 'waiting'>;
  readonly gateway: Pick<Gateway, 'status' | 'send'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends with the node. */
  readonly signal: AbortSignal;
  readonly metrics: Pick<NodeMetrics, 'count' | 'duration'>;
  readonly queueLimits?: Backlog['limits'] | undefined;
  /** The media of a message; linked media is downloaded. */
  readonly media: (body: Record<string, unknown>) => Promise<MediaFile[]>;
  /** Uploads media to the servers. */
  readonly upload: (file: MediaFile) => Promise<void>;
  /** The media is missing or can't be downloaded: the status `failed`. */
  readonly onMediaFailed: (message: StoredMessage, reason: string) => Promise<void>;
  /** The servers have the message: the status `sent`. */
  readonly onSent: (message: StoredMessage, answer: Accepted) => Promise<void>;
}

/** What `media` throws if the database did not answer. */
export const NOT_NOW = 'NotNow';
const isTemporary = (error: unknown): boolean =>
  [NOT_NOW, 'ENOSPC', 'EDQUOT', 'EMFILE'].includes(String((error as { code?: unknown } | null)?.code));

type Accepted = CallResponse<NetworkProtocol, 'send'>;

/** Messages in flight to the servers at a time. */
const WINDOW = 500;
/** Messages whose links are downloaded at a time. They are no part of the window: a slow server must not hold up texts. */
const DOWNLOADS = 32;
/** Further unsent messages stay in the database until the queue in memory is shorter. */
const LONGEST_QUEUE = 10_000;
const READ_AT_ONCE = LONGEST_QUEUE / 10;

const isLinked = ({ body }: StoredMessage): boolean =>
  mediaReferences(body).some(({ link }) => link !== undefined);

/**
 * Stores accepted messages and sends them to the servers, in order of acceptance, at least once. A message with a link
 * goes when its media is there, and others overtake it.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #backlog: Backlog;
  readonly #queue: StoredMessage[] = [];
  /** Messages that wait for their downloads. */
  readonly #linked: StoredMessage[] = [];
  /** Messages whose downloads are done. */
  readonly #fetched: { message: StoredMessage; files: MediaFile[] }[] = [];
  #downloading = 0;
  readonly #known = new Set<string>();
  #shard: number | undefined;
  #inFlight = 0;
  /** The database may hold more than the queue. */
  #mayHaveMore = true;
  #loading = false;
  /** Counts reloads. */
  #life = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#backlog = new Backlog(options.store, options.clock, options.queueLimits);
  }

  /** Resolves with the id once the message is committed. @throws Refusal 1016 while a queue is full */
  async accept(content: Omit<StoredMessage, 'id' | 'shard'>, shard: number): Promise<string> {
    this.#backlog.add();
    const id = messageId('outbound', content.recipient, pooledRandomBytes);
    const { recipient, type, body, traceparent: parent } = content;
    const message = await traced(
      'coreapp store message',
      { parent, attributes: messageAttributes(id, type) },
      async ({ traceparent }) => {
        const stored: StoredMessage = { id, shard, recipient, type, body, traceparent };
        await this.#options.store.insert(stored);
        return stored;
      },
    ).catch((error: unknown) => {
      this.#backlog.remove();
      throw error;
    });
    this.#options.metrics.count('out_message_persisted', 'Outgoing messages stored', { type: message.type });
    if (this.#queue.length + this.#linked.length < LONGEST_QUEUE) this.#enqueue(message);
    else this.#mayHaveMore = true;
    this.pump();
    return message.id;
  }

  /** Sets the shard whose messages are sent. Another shard empties the queue, which is then read from the database. */
  serve(shard: number | undefined): void {
    if (this.#shard === shard) return;
    this.#shard = shard;
    this.reload();
  }

  /** Counts the backlog when it is due. */
  async attend(): Promise<void> {
    if (this.#shard !== undefined) await this.#backlog.attend(this.#shard);
  }

  /** Reads the queue again after a new session, because messages in flight may be lost. */
  reload(): void {
    for (const list of [this.#queue, this.#linked, this.#fetched]) list.length = 0;
    this.#known.clear();
    this.#mayHaveMore = true;
    this.#life += 1;
    this.pump();
  }

  pump(): void {
    if (this.#shard === undefined || this.#options.gateway.status !== 'connected') return;
    while (this.#inFlight < WINDOW) {
      const fetched = this.#fetched.shift();
      const message = fetched?.message ?? this.#queue.shift();
      if (!message) break;
      if (!fetched && isLinked(message)) this.#linked.push(message);
      else void this.#send(message, fetched?.files);
    }
    while (this.#downloading < DOWNLOADS) {
      const message = this.#linked.shift();
      if (!message) break;
      void this.#download(message);
    }
    if (this.#queue.length === 0 && this.#inFlight === 0 && this.#mayHaveMore) void this.#load();
  }

  /** Messages that the servers have not accepted yet. */
  get length(): number {
    const { length: fetched } = this.#fetched;
    return this.#queue.length + this.#linked.length + this.#downloading + fetched + this.#inFlight;
  }

  /** The media of a message; undefined if it can't be had, and the message has failed by that. */
  async #media(message: StoredMessage): Promise<MediaFile[] | undefined> {
    const { media, onMediaFailed } = this.#options;
    return media(message.body).catch(async (error: unknown) => {
      // The media may be well: the message waits until the database, or the disk, is there again.
      if (isTemporary(error)) throw error;
      await onMediaFailed(message, error instanceof Error ? error.message : String(error));
      this.#backlog.remove();
      return undefined;
    });
  }

  async #download(message: StoredMessage): Promise<void> {
    const life = this.#life;
    this.#downloading += 1;
    try {
      const files = await this.#media(message);
      // After a reload the message is in the queue once more.
      if (life === this.#life && files) this.#fetched.push({ message, files });
      else this.#forget(message, life);
    } catch (error) {
      this.#options.logger.debug('message not failed yet', { error });
      this.#mayHaveMore = true;
      return this.#forget(message, life);
    } finally {
      this.#downloading -= 1;
    }
    this.pump();
  }

  #forget({ id }: StoredMessage, life: number): void {
    if (life === this.#life) this.#known.delete(id);
  }

  async #send(message: StoredMessage, fetched?: MediaFile[]): Promise<void> {
    const { metrics, clock, logger } = this.#options;
    const life = this.#life;
    const { type } = message;
    const startedMs = clock.monotonic();
    this.#inFlight += 1;
    try {
      const files = fetched ?? (await this.#media(message));
      if (files) {
        await this.#attempt(message, files);
        this.#backlog.remove();
        const labels = { retry: '0', type };
        metrics.duration(
          'out_message_sent_duration_ms',
          'Messages sent',
          clock.monotonic() - startedMs,
          labels,
        );
      }
    } catch (error) {
      // The message is still pending in the database. The next session or read sends it, but not at once, because
      // the servers may refuse it for long.
      logger.debug('message not sent yet', { error });
      this.#mayHaveMore = true;
      return;
    } finally {
      this.#inFlight -= 1;
      this.#forget(message, life);
    }
    this.pump();
  }

  /** Each attempt has a span of its own in the trace of the message. */
  #attempt(message: StoredMessage, files: readonly MediaFile[]): Promise<void> {
    const { gateway, onSent, upload, signal } = this.#options;
    const { id, recipient: to, type, body, traceparent: parent } = message;
    const attributes = messageAttributes(id, type);
    return traced(
      'coreapp send message',
      { parent, kind: SpanKind.CLIENT, attributes },
      async ({ traceparent }) => {
        for (const file of files) await upload(file);
        const sent = { id, to, type, body, media: [...files], traceparent };
        await onSent({ ...message, traceparent }, await gateway.send(sent, signal));
      },
    );
  }

  async #load(): Promise<void> {
    const shard = this.#shard;
    if (this.#loading || shard === undefined) return;
    const life = this.#life;
    this.#loading = true;
    // Reset before the read: messages that fail or find no room meanwhile set it again.
    this.#mayHaveMore = false;
    try {
      const messages = await this.#options.store.pending(shard, READ_AT_ONCE);
      if (life === this.#life) for (const message of messages) this.#enqueue(message);
      if (messages.length === READ_AT_ONCE) this.#mayHaveMore = true;
    } catch (error) {
      this.#mayHaveMore = true;
      this.#options.logger.warn('unsent messages not read', { error });
    } finally {
      this.#loading = false;
    }
    // A read that a reload overtook was dropped, so read again.
    if (this.#queue.length > 0 || life !== this.#life) this.pump();
  }

  #enqueue(message: StoredMessage): void {
    if (this.#known.has(message.id)) return;
    this.#known.add(message.id);
    this.#queue.push(message);
  }
}
