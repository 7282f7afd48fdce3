import type { Clock } from '../../../base/clock.ts';
import { surplus } from '../../../base/surplus.ts';
import type { Identity } from '../../../onprem/contacts.ts';
import type { MessageStore, MessageUpdate, StoredMessage } from '../messageStore.ts';
import type { CallbackQueue } from './callbackQueue.ts';
import type { MemoryTables, Table } from './memoryTables.ts';

/** A message that was sent, or has failed. */
interface DoneMessage {
  /** Epoch ms. */
  readonly at: number;
}
interface Receipts {
  readonly at: number;
  readonly count: number;
}

/** Done messages that are remembered; the oldest go first. */
const REMEMBERED = 200_000;
/** Receipts are only counted, by the hour in which they came. */
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Messages in memory, with the callbacks that wait. */
export class MemoryMessageStore implements MessageStore {
  readonly #tables: MemoryTables;
  readonly #callbacks: CallbackQueue;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #pending: Table<StoredMessage>;
  readonly #done: Table<DoneMessage>;
  readonly #receipts: Table<Receipts>;
  readonly #identities: Table<Identity>;

  constructor(tables: MemoryTables, callbacks: CallbackQueue, clock: Pick<Clock, 'now'>) {
    this.#tables = tables;
    this.#callbacks = callbacks;
    this.#clock = clock;
    this.#pending = tables.table('pending');
    this.#done = tables.table('done');
    this.#receipts = tables.table('receipts');
    this.#identities = tables.table('identities');
  }

  insert(message: StoredMessage): Promise<void> {
    this.#pending.set(message.id, message);
    return this.#tables.commit();
  }

  update({ messageId, state, receipt, callback, impliedSent }: MessageUpdate): Promise<void> {
    const isNews =
      messageId !== undefined && (state === 'sent' || receipt !== undefined) && this.#finish(messageId);
    if (messageId !== undefined && state === 'failed') this.#finish(messageId);
    if (messageId !== undefined && receipt !== undefined) this.#count();
    // A message that a new session sends again gets one callback: the first one may be delivered and removed already.
    if (isNews && impliedSent) this.#callbacks.add(impliedSent());
    if (callback && (isNews || state !== 'sent')) this.#callbacks.add(callback);
    return this.#tables.commit();
  }

  async pending(shard: number, limit: number): Promise<StoredMessage[]> {
    const found: StoredMessage[] = [];
    for (const message of this.#pending.rows.values()) {
      if (found.length >= limit) break;
      if (message.shard === shard) found.push(message);
    }
    return found;
  }

  async knownIdentity(waId: string): Promise<Identity | undefined> {
    return this.#identities.rows.get(waId);
  }

  async setIdentity(waId: string, hash: string, acknowledged: boolean): Promise<void> {
    this.#identities.set(waId, { hash, acknowledged, created_timestamp: this.#clock.now() });
    await this.#tables.commit();
  }

  async acknowledgeIdentity(waId: string): Promise<void> {
    const known = this.#identities.rows.get(waId);
    if (known) this.#identities.set(waId, { ...known, acknowledged: true });
    await this.#tables.commit();
  }

  async collect(olderThanDays: number): Promise<number> {
    const oldest = this.#clock.now() - olderThanDays * DAY_MS;
    const drop = (table: Table<{ readonly at: number }>) => {
      const old = [...table.rows].filter(([, { at }]) => at < oldest);
      for (const [key] of old) table.delete(key);
      return old.length;
    };
    const deleted = drop(this.#done as Table<{ readonly at: number }>);
    drop(this.#receipts as Table<{ readonly at: number }>);
    await this.#tables.commit();
    return deleted;
  }

  async clear(shard: number): Promise<void> {
    for (const message of [...this.#pending.rows.values()])
      if (message.shard === shard) this.#pending.delete(message.id);
    this.#callbacks.move((each) => (each === shard ? undefined : each));
    await this.#tables.commit();
  }

  async adopt(shards: number): Promise<void> {
    for (const message of [...this.#pending.rows.values()])
      if (message.shard >= shards)
        this.#pending.set(message.id, { ...message, shard: message.shard % shards });
    this.#callbacks.move((shard) => shard % shards);
    await this.#tables.commit();
  }

  async waiting(shard: number): Promise<{ messages: number; callbacks: number }> {
    const messages = [...this.#pending.rows.values()].filter((message) => message.shard === shard).length;
    return { messages, callbacks: this.#callbacks.count(shard) };
  }

  async counts(): Promise<{ messages: number; pending: number; receipts: number; callbacks: number }> {
    const pending = this.#pending.rows.size;
    return {
      messages: pending + this.#done.rows.size,
      pending,
      receipts: [...this.#receipts.rows.values()].reduce((sum, { count }) => sum + count, 0),
      callbacks: this.#callbacks.size,
    };
  }

  idle(): Promise<void> {
    return this.#tables.commit();
  }

  /** @returns whether the message was still pending */
  #finish(id: string): boolean {
    if (!this.#pending.delete(id)) return false;
    this.#done.set(id, { at: this.#clock.now() });
    for (const old of surplus(this.#done.rows, REMEMBERED)) this.#done.delete(old);
    return true;
  }

  #count(): void {
    const at = Math.floor(this.#clock.now() / HOUR_MS) * HOUR_MS;
    this.#receipts.set(String(at), { at, count: (this.#receipts.rows.get(String(at))?.count ?? 0) + 1 });
  }
}
