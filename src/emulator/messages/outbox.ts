import { randomBytes } from 'node:crypto';
import { messageId, normaliseRecipient, type SendRequest, TEXT_LIMIT } from '../../onprem/messages.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Gateway } from '../cluster/gateway.ts';
import type { MessageStore, StoredMessage } from '../store/messageStore.ts';
import { Refusal } from '../wire/protocol.ts';

export interface OutboxOptions {
  readonly store: MessageStore;
  readonly gateway: Gateway;
  readonly logger: Logger;
  /** The message is with the servers: the status `sent`. */
  readonly onSent: (message: StoredMessage) => Promise<void>;
}

/** Messages in flight to the servers at a time, and how many are read from the database at once. */
const WINDOW = 100;
/** More unsent messages than this in memory, and the database is read instead. */
const LONGEST_QUEUE = 10_000;

/** @throws Refusal with the documented code for what can't be sent */
export function checkMessage(
  request: SendRequest,
  ownNumber: string,
): { recipient: string; body: Record<string, unknown> } {
  if (request.recipient_type !== 'individual') throw new Refusal(1002, 'recipient_type must be individual');
  const recipient = normaliseRecipient(request.to);
  if (!recipient) throw new Refusal(1009, 'to is not a valid number');
  if (recipient === ownNumber) throw new Refusal(1021, 'Sender and recipient are the same');
  if (request.type !== 'text')
    throw new Refusal(1009, `type ${request.type} is not served by this emulator yet`);
  if (!request.text) throw new Refusal(1008, 'text is required');
  if (request.text.body.length === 0) throw new Refusal(1009, 'text.body is empty');
  if (request.text.body.length > TEXT_LIMIT)
    throw new Refusal(1001, `text.body is longer than ${TEXT_LIMIT} characters`);
  return {
    recipient,
    body: {
      text: request.text,
      ...(request.preview_url === undefined ? {} : { preview_url: request.preview_url }),
    },
  };
}

/** Accepts messages into the database and hands them to the servers, in order of acceptance, at least once. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #queue: StoredMessage[] = [];
  readonly #known = new Set<string>();
  #shard: number | undefined;
  #inFlight = 0;
  /** The database may hold more than the queue. */
  #mayHaveMore = true;
  #loading = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Resolves with the id once the message is committed. */
  async accept(request: SendRequest, shard: number, ownNumber: string): Promise<string> {
    const { recipient, body } = checkMessage(request, ownNumber);
    const message: StoredMessage = {
      id: messageId('outbound', recipient, randomBytes),
      shard,
      recipient,
      type: request.type,
      body,
    };
    await this.#options.store.insert(message);
    if (this.#queue.length < LONGEST_QUEUE) this.#enqueue(message);
    else this.#mayHaveMore = true;
    this.pump();
    return message.id;
  }

  /** The shard whose messages are sent; with another one everything is read anew. */
  serve(shard: number | undefined): void {
    if (this.#shard === shard) return;
    this.#shard = shard;
    this.reload();
  }

  /** After a new session: what was in flight may be lost. */
  reload(): void {
    this.#queue.length = 0;
    this.#known.clear();
    this.#mayHaveMore = true;
    this.pump();
  }

  pump(): void {
    if (this.#shard === undefined || this.#options.gateway.status !== 'connected') return;
    while (this.#inFlight < WINDOW) {
      const message = this.#queue.shift();
      if (!message) break;
      void this.#send(message);
    }
    if (this.#queue.length === 0 && this.#inFlight === 0 && this.#mayHaveMore) void this.#load();
  }

  async #send(message: StoredMessage): Promise<void> {
    const { gateway, onSent, logger } = this.#options;
    this.#inFlight += 1;
    try {
      await gateway.send(
        { id: message.id, to: message.recipient, type: message.type, body: message.body },
        AbortSignal.timeout(30_000),
      );
      await onSent(message);
    } catch (error) {
      // Still pending in the database: it goes out with the next session or the next look.
      logger.debug('message not sent yet', { error });
      this.#mayHaveMore = true;
    } finally {
      this.#inFlight -= 1;
      this.#known.delete(message.id);
    }
    this.pump();
  }

  async #load(): Promise<void> {
    const shard = this.#shard;
    if (this.#loading || shard === undefined) return;
    this.#loading = true;
    try {
      const messages = await this.#options.store.pending(shard, LONGEST_QUEUE / 10);
      this.#mayHaveMore = messages.length === LONGEST_QUEUE / 10;
      if (shard === this.#shard) for (const message of messages) this.#enqueue(message);
    } catch (error) {
      this.#options.logger.warn('unsent messages not read', { error });
    } finally {
      this.#loading = false;
    }
    if (this.#queue.length > 0) this.pump();
  }

  #enqueue(message: StoredMessage): void {
    if (this.#known.has(message.id)) return;
    this.#known.add(message.id);
    this.#queue.push(message);
  }
}
