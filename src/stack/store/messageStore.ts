import { type Kysely, type RawBuilder, type SqlBool, sql, type Transaction } from 'kysely';
import { Batcher } from '../../base/batcher.ts';
import { surplus } from '../../base/surplus.ts';
import type { Identity } from '../../onprem/contacts.ts';
import type { NewCallback } from './callbackStore.ts';
import type { Databases } from './databases.ts';
import type { Dialect } from './dialect.ts';
import type { MessageTables } from './tables.ts';

/** A collection deletes this many messages at a time, so that locks are short. */
const COLLECTED_AT_ONCE = 1000;
/** Characters of a statement that writes many rows: servers of MySQL refuse packets above 16 MB, or less. */
const LONGEST_STATEMENT = 2 * 1024 * 1024;

/** Receipts mostly follow within seconds. */
const REMEMBERED_SENT = 20_000;
/**
 * The shortest time between two transactions. A transaction costs the database as much as dozens of its rows. A client waits
 * for the first kind: one that sends message by message waits for a fraction of it.
 */
const PACE = { accepted: { everyMs: 10, everyMsByItem: 0.5 }, updates: { everyMs: 25 } } as const;

const MESSAGE_COLUMNS = {
  id: 'text',
  shard: 'int4',
  recipient: 'text',
  type: 'text',
  body: 'text',
  state: 'text',
} as const;
/** Written only where a row has one: without traces, statements are what they were. */
const TRACE_COLUMN = { traceparent: 'text' } as const;
const RECEIPT_COLUMNS = { message_id: 'text', status: 'text' } as const;
const CALLBACK_COLUMNS = { shard: 'int4', event_key: 'text', payload: 'text' } as const;

export interface StoredMessage {
  readonly id: string;
  readonly shard: number;
  readonly recipient: string;
  readonly type: string;
  readonly body: Record<string, unknown>;
  /** Where the message is in its trace, if traces are on. */
  readonly traceparent?: string | undefined;
}

/** An event of a message and its callback, stored in one transaction. */
export interface MessageUpdate {
  readonly messageId?: string;
  /** The servers have the message, or it can never be sent. */
  readonly state?: 'sent' | 'failed' | undefined;
  /** Kept in the log of receipts. */
  readonly receipt?: string | undefined;
  readonly callback?: NewCallback | undefined;
  /**
   * The callback `sent` of a message whose receipt comes first, because the answer of the servers was lost. It is stored
   * before the receipt's, unless `sent` was stored already. Made only where it may be needed: nearly never.
   */
  readonly impliedSent?: (() => NewCallback) | undefined;
}

type MessageRow = Omit<StoredMessage, 'body'> & { readonly body: string; readonly state: string };
interface CallbackRow {
  readonly shard: number;
  readonly event_key: string;
  readonly payload: string;
  readonly traceparent: string | undefined;
}
interface UpdateRow {
  readonly messageId: string | undefined;
  readonly state: MessageUpdate['state'] | undefined;
  readonly receipt: string | undefined;
  readonly callback: CallbackRow | undefined;
  readonly impliedSent: CallbackRow | undefined;
}

const rowOf = (callback: NewCallback | undefined): CallbackRow | undefined =>
  callback && {
    shard: callback.shard,
    event_key: callback.eventKey,
    payload: JSON.stringify(callback.payload),
    traceparent: callback.traceparent,
  };

interface MaybeTraced {
  readonly traceparent?: string | undefined;
}
const columnsOf = <C extends Readonly<Record<string, 'text' | 'int4'>>>(
  columns: C,
  rows: readonly MaybeTraced[],
): C =>
  rows.some(({ traceparent }) => traceparent !== undefined) ? { ...columns, ...TRACE_COLUMN } : columns;
const withTrace = <R extends MaybeTraced>(row: R) =>
  row.traceparent === undefined ? { ...row, traceparent: null } : row;

/** Messages and their callbacks. */
export type MessageStore = Pick<DatabaseMessageStore, keyof DatabaseMessageStore>;

/** Messages and their callbacks in a database. Writes of many callers share transactions. */
export class DatabaseMessageStore {
  readonly #database: Kysely<MessageTables>;
  readonly #dialect: Dialect;
  readonly #inserts: Batcher<MessageRow>;
  readonly #updates: Batcher<UpdateRow>;
  /** The latest messages that this store has committed as sent: their receipts need not ask the database. */
  readonly #sent = new Set<string>();

  constructor({ message: database, dialect }: Pick<Databases, 'message' | 'dialect'>) {
    this.#database = database;
    this.#dialect = dialect;
    this.#inserts = new Batcher(
      async (rows) => {
        const same = { created_at: dialect.now };
        const columns = columnsOf(MESSAGE_COLUMNS, rows);
        await dialect.insertMany(database, 'messages', columns, rows.map(withTrace), { same });
      },
      { weigh: ({ body }) => body.length, mostWeight: LONGEST_STATEMENT, ...PACE.accepted },
    );
    this.#updates = new Batcher((updates) => this.#commitUpdates(updates), {
      weigh: ({ callback, impliedSent }) =>
        (callback?.payload.length ?? 0) + (impliedSent?.payload.length ?? 0),
      mostWeight: LONGEST_STATEMENT,
      ...PACE.updates,
    });
  }

  /** Resolves when the message is committed. */
  async insert({ body, ...message }: StoredMessage): Promise<void> {
    // Texts are made here, so that one that is no JSON does not fail the others of its batch.
    await this.#inserts.add({ ...message, body: JSON.stringify(body), state: 'pending' });
  }

  update({ messageId, state, receipt, callback, impliedSent }: MessageUpdate): Promise<void> {
    const isSent = messageId !== undefined && this.#sent.has(messageId);
    return this.#updates.add({
      messageId,
      state,
      receipt,
      callback: rowOf(callback),
      impliedSent: isSent ? undefined : rowOf(impliedSent?.()),
    });
  }

  async pending(shard: number, limit: number): Promise<StoredMessage[]> {
    const rows = await this.#database
      .selectFrom('messages')
      .select(['id', 'shard', 'recipient', 'type', 'body', 'traceparent'])
      .where('shard', '=', shard)
      .where('state', '=', 'pending')
      .orderBy('created_at')
      .limit(limit)
      .execute();
    return rows.map(({ body, traceparent, ...row }) => ({
      ...row,
      body: JSON.parse(body) as Record<string, unknown>,
      traceparent: traceparent ?? undefined,
    }));
  }

  /** The identity of a user that this stack has seen. */
  async knownIdentity(waId: string): Promise<Identity | undefined> {
    const row = await this.#database
      .selectFrom('identities')
      .selectAll()
      .where('wa_id', '=', waId)
      .executeTakeFirst();
    return (
      row && { hash: row.hash, created_timestamp: row.created_at.getTime(), acknowledged: row.acknowledged }
    );
  }

  async setIdentity(waId: string, hash: string, acknowledged: boolean): Promise<void> {
    const row = { hash, acknowledged, created_at: this.#dialect.now };
    const insert = this.#database.insertInto('identities').values({ wa_id: waId, ...row });
    await this.#dialect.orUpdate(insert, 'wa_id', row).execute();
  }

  async acknowledgeIdentity(waId: string): Promise<void> {
    await this.#database
      .updateTable('identities')
      .set({ acknowledged: true })
      .where('wa_id', '=', waId)
      .execute();
  }

  /** Deletes messages that are done and older than this, in small steps. @returns how many */
  async collect(olderThanDays: number): Promise<number> {
    const oldest = this.#dialect.secondsFromNow(-olderThanDays * 86_400);
    let deleted = 0;
    for (;;) {
      const rows = await this.#database
        .selectFrom('messages')
        .select('id')
        .where('state', '!=', 'pending')
        .where('created_at', '<', oldest)
        .limit(COLLECTED_AT_ONCE)
        .execute();
      if (rows.length === 0) break;
      const ids = rows.map(({ id }) => id);
      const { numDeletedRows } = await this.#database
        .deleteFrom('messages')
        .where(this.#dialect.isOneOf('id', ids))
        .executeTakeFirst();
      deleted += Number(numDeletedRows);
    }
    await this.#collectReceipts(oldest);
    return deleted;
  }

  async #collectReceipts(oldest: RawBuilder<Date>): Promise<void> {
    for (;;) {
      const rows = await this.#database
        .selectFrom('message_receipt_log')
        .select(['seq'])
        // Oldest first, so that no row is read twice.
        .select(sql<boolean>`created_at < ${oldest}`.as('isOld'))
        .orderBy('seq')
        .limit(COLLECTED_AT_ONCE)
        .execute();
      const old = rows.filter(({ isOld }) => isOld).map(({ seq }) => seq);
      if (old.length === 0) return;
      await this.#database
        .deleteFrom('message_receipt_log')
        .where(this.#dialect.isOneOf('seq', old))
        .execute();
    }
  }

  /** Forgets the messages and callbacks of a shard that wait. */
  async clear(shard: number): Promise<void> {
    await this.#database
      .deleteFrom('messages')
      .where('shard', '=', shard)
      .where('state', '=', 'pending')
      .execute();
    await this.#database.deleteFrom('callbacks').where('shard', '=', shard).execute();
  }

  /** Moves messages and callbacks of removed shards to existing ones. */
  async adopt(shards: number): Promise<void> {
    await this.#database
      .updateTable('messages')
      .set({ shard: sql<number>`shard % ${shards}` })
      .where('state', '=', 'pending')
      .where('shard', '>=', shards)
      .execute();
    await this.#database
      .updateTable('callbacks')
      .set({ shard: sql<number>`shard % ${shards}` })
      .where('shard', '>=', shards)
      .execute();
  }

  /** Number of messages and callbacks that wait in a shard. */
  async waiting(shard: number): Promise<{ messages: number; callbacks: number }> {
    const count = async (table: 'messages' | 'callbacks') => {
      let query = this.#database
        .selectFrom(table)
        .select(this.#database.fn.countAll<number>().as('count'))
        .where('shard', '=', shard);
      if (table === 'messages') query = query.where('state', '=', 'pending');
      return Number((await query.executeTakeFirstOrThrow()).count);
    };
    const [messages, callbacks] = await Promise.all([count('messages'), count('callbacks')]);
    return { messages, callbacks };
  }

  /** Row counts, under the names of `/v1/stats/db`. */
  async counts(): Promise<{ messages: number; pending: number; receipts: number; callbacks: number }> {
    const { fn } = this.#database;
    const rows = await this.#database
      .selectFrom('messages')
      .select(['state', fn.countAll<number>().as('count')])
      .groupBy('state')
      .execute();
    const count = (...states: string[]) =>
      rows.filter(({ state }) => states.includes(state)).reduce((sum, row) => sum + Number(row.count), 0);
    return {
      messages: rows.reduce((sum, row) => sum + Number(row.count), 0),
      pending: count('pending'),
      receipts: await this.#countRows('message_receipt_log'),
      callbacks: await this.#countRows('callbacks'),
    };
  }

  async #countRows(table: 'callbacks' | 'message_receipt_log'): Promise<number> {
    const { count } = await this.#database
      .selectFrom(table)
      .select(this.#database.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  async idle(): Promise<void> {
    await Promise.all([this.#inserts.idle(), this.#updates.idle()]);
  }

  async #commitUpdates(updates: readonly UpdateRow[]): Promise<undefined> {
    const idsIn = (state: UpdateRow['state']) =>
      updates.flatMap((update) => (update.state === state && update.messageId ? [update.messageId] : []));
    const receipts = updates.flatMap(({ messageId, receipt }) =>
      messageId && receipt ? [{ message_id: messageId, status: receipt }] : [],
    );
    const { isOneOf, insertMany, now } = this.#dialect;
    const sent = await this.#database.transaction().execute(async (transaction) => {
      const setState = async (state: NonNullable<MessageUpdate['state']>, ids: readonly string[]) => {
        if (ids.length > 0)
          await transaction.updateTable('messages').set({ state }).where(isOneOf('id', ids)).execute();
      };
      const early = await stillPending(
        transaction,
        receipts.map(({ message_id: id }) => id).filter((id) => !this.#sent.has(id)),
        isOneOf,
      );
      const told = [...new Set([...idsIn('sent'), ...early])];
      const news = told.length === 0 ? [] : await lockPending(transaction, isOneOf('id', told));
      await setState('sent', news);
      await setState('failed', idsIn('failed'));
      if (receipts.length > 0)
        await insertMany(transaction, 'message_receipt_log', RECEIPT_COLUMNS, receipts, {
          same: { created_at: now },
        });
      const callbacks = callbacksOf(updates, new Set(news));
      if (callbacks.length > 0)
        await insertMany(
          transaction,
          'callbacks',
          columnsOf(CALLBACK_COLUMNS, callbacks),
          callbacks.map(withTrace),
          { orIgnore: true, same: { created_at: now, next_at: now } },
        );
      return news;
    });
    this.#remember(sent);
  }

  #remember(sent: readonly string[]): void {
    for (const id of sent) this.#sent.add(id);
    for (const id of surplus(this.#sent, REMEMBERED_SENT)) this.#sent.delete(id);
  }
}

/**
 * Locks those of the messages that are still pending. A message that a new session sends again gets one callback: the
 * first callback may be delivered and removed already, so its key would not prevent a second one.
 */
async function lockPending(
  transaction: Transaction<MessageTables>,
  isOneOfThem: RawBuilder<SqlBool>,
): Promise<string[]> {
  const rows = await transaction
    .selectFrom('messages')
    .select(['id', 'state'])
    .where(isOneOfThem)
    // Sorted, so that two nodes that own the shard for a moment take their locks in the same order.
    .orderBy('id')
    .forUpdate()
    .execute();
  // Filtered here: with the state in the query, PostgreSQL would read all pending messages.
  return rows.filter(({ state }) => state === 'pending').map(({ id }) => id);
}

/** Callbacks in the order of what happened: `sent` of each message that just left, before its receipts. */
function callbacksOf(updates: readonly UpdateRow[], unsent: Set<string>): CallbackRow[] {
  const callbacks: (CallbackRow | undefined)[] = [];
  for (const { state, messageId = '', receipt, callback, impliedSent } of updates) {
    // Deleted, so that `sent` is told once.
    const isNews = (state === 'sent' || receipt !== undefined) && unsent.delete(messageId);
    if (state === 'sent') callbacks.push(isNews ? callback : undefined);
    else callbacks.push(isNews ? impliedSent : undefined, callback);
  }
  return callbacks.filter((callback) => callback !== undefined);
}

/** Those of the messages that the servers have, but whose state does not say so yet. */
async function stillPending(
  transaction: Transaction<MessageTables>,
  ids: readonly string[],
  isOneOf: Dialect['isOneOf'],
): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await transaction
    .selectFrom('messages')
    .select(['id', 'state'])
    .where(isOneOf('id', ids))
    .execute();
  return rows.filter(({ state }) => state === 'pending').map(({ id }) => id);
}
