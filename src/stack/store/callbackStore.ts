import type { Kysely, SelectQueryBuilder } from 'kysely';
import { Batcher } from '../../base/batcher.ts';
import { type MessageStatus, messageStatus } from '../../onprem/webhook.ts';
import type { Databases } from './databases.ts';
import type { Dialect } from './dialect.ts';
import type { MessageTables } from './tables.ts';

export interface NewCallback {
  readonly shard: number;
  readonly eventKey: string;
  readonly payload: Record<string, unknown>;
  /** Where the event is in its trace, if traces are on. */
  readonly traceparent?: string | undefined;
}

export interface DueCallback {
  readonly seq: number;
  /** The key of its event. */
  readonly key: string;
  readonly payload: string;
  /** The message whose status it tells. Callbacks of one message are told in the order of `seq`. */
  readonly about: string | undefined;
  readonly attempts: number;
  /** Since it was stored, by the database's clock. */
  readonly ageSeconds: number;
  /** Where its event is in its trace. */
  readonly traceparent?: string | undefined;
}

/** The shortest time between two statements that remove callbacks. */
const REMOVE_EVERY_MS = 25;
const STATUS = 'status/';
/** How far a delay may be beyond the longest one before the clock is blamed. */
const SLACK_SECONDS = 5;

/** The key of a status of a message: storing it twice changes nothing. */
export const statusKey = (messageId: string, status: MessageStatus): string =>
  `${STATUS}${messageId}/${status}`;

/** The message that a callback with this key is about, if it tells a status. */
export const messageOf = (eventKey: string): string | undefined =>
  eventKey.startsWith(STATUS) ? eventKey.slice(STATUS.length, eventKey.lastIndexOf('/')) : undefined;

interface Row extends Omit<DueCallback, 'about' | 'traceparent'> {
  readonly traceparent: string | null;
  /** Whether any callback of the shard waits for its time. MySQL has numbers for it. */
  readonly hasLater: boolean | number;
}

/** Callbacks that wait for their receiver. `MessageStore` adds them, in one transaction with the event. */
export type CallbackStore = Omit<Pick<DatabaseCallbackStore, keyof DatabaseCallbackStore>, 'selectDue'>;

/** Callbacks in a database. */
export class DatabaseCallbackStore {
  readonly #database: Kysely<MessageTables>;
  readonly #dialect: Dialect;
  readonly #removals: Batcher<readonly number[]>;

  constructor({ message: database, dialect }: Pick<Databases, 'message' | 'dialect'>) {
    this.#database = database;
    this.#dialect = dialect;
    this.#removals = new Batcher(
      async (lists) => {
        await database.deleteFrom('callbacks').where(dialect.isOneOf('seq', lists.flat())).execute();
      },
      { everyMs: REMOVE_EVERY_MS },
    );
  }

  /**
   * Callbacks that are due, the longest due first, but those of one message in their order. One whose predecessor waits
   * is postponed until then.
   */
  async due(shard: number, limit: number, except: readonly number[]): Promise<DueCallback[]> {
    const read = await this.selectDue(shard, limit, except).execute();
    const rows: DueCallback[] = read.map(({ hasLater: _, traceparent, ...row }) => ({
      ...row,
      traceparent: traceparent ?? undefined,
      about: messageOf(row.key),
    }));
    // Then everything that waits is at hand.
    if (rows.length < limit && !read[0]?.hasLater) return inOrder(rows);
    const earlier = await this.#waitingOf(rows.flatMap(({ about }) => about ?? []));
    const atHand = new Set([...rows.map(({ seq }) => seq), ...except]);
    const due: DueCallback[] = [];
    for (const row of rows) {
      const before = (earlier.get(row.about ?? '') ?? []).filter(({ seq }) => seq < row.seq);
      if (before.every(({ seq }) => atHand.has(seq))) due.push(row);
      else await this.#defer(row.seq, Math.max(...before.map(({ waitsSeconds }) => waitsSeconds)));
    }
    return inOrder(due);
  }

  /** All waiting callbacks of these messages, by message. */
  async #waitingOf(
    messages: readonly string[],
  ): Promise<Map<string, { seq: number; waitsSeconds: number }[]>> {
    const keys = [...new Set(messages)].flatMap((id) =>
      messageStatus.options.map((status) => statusKey(id, status)),
    );
    const found = new Map<string, { seq: number; waitsSeconds: number }[]>();
    if (keys.length === 0) return found;
    const rows = await this.#database
      .selectFrom('callbacks')
      .select(['seq', 'event_key'])
      .select(this.#dialect.secondsSince('next_at').as('lateSeconds'))
      .where(this.#dialect.isOneOf('event_key', keys))
      .execute();
    for (const { seq, event_key, lateSeconds } of rows) {
      const id = messageOf(event_key) ?? '';
      found.set(id, [...(found.get(id) ?? []), { seq, waitsSeconds: -lateSeconds }]);
    }
    return found;
  }

  async #defer(seq: number, seconds: number): Promise<void> {
    await this.#database
      .updateTable('callbacks')
      .set({ next_at: this.#dialect.secondsFromNow(seconds) })
      .where('seq', '=', seq)
      .execute();
  }

  /** Makes callbacks due that wait longer than the longest delay: the clock of the database has gone back. */
  async hasten(shard: number, longestDelayMs: number): Promise<void> {
    await this.#database
      .updateTable('callbacks')
      .set({ next_at: this.#dialect.now })
      .where('shard', '=', shard)
      .where('next_at', '>', this.#dialect.secondsFromNow(longestDelayMs / 1000 + SLACK_SECONDS))
      .execute();
  }

  /** The index has the order of this query, so that a long queue costs no more than a short one. */
  selectDue(
    shard: number,
    limit: number,
    except: readonly number[],
  ): SelectQueryBuilder<MessageTables, 'callbacks', Row> {
    let query = this.#database
      .selectFrom('callbacks')
      .select(['seq', 'payload', 'attempts', 'event_key as key', 'traceparent'])
      .select(this.#dialect.secondsSince('created_at').as('ageSeconds'))
      .select(({ exists, selectFrom }) =>
        exists(
          selectFrom('callbacks as later')
            .select('later.seq')
            .where('later.shard', '=', shard)
            .where('later.next_at', '>', this.#dialect.now),
        ).as('hasLater'),
      )
      .where('shard', '=', shard)
      .where('next_at', '<=', this.#dialect.now);
    if (except.length > 0) query = query.where(this.#dialect.isNoneOf('seq', except));
    return query.orderBy('next_at').orderBy('seq').limit(limit);
  }

  remove(seqs: readonly number[]): Promise<void> {
    return this.#removals.add(seqs);
  }

  /** Later callbacks of the same message wait as long. */
  async postpone(
    { seq, about }: Pick<DueCallback, 'seq' | 'about'>,
    attempts: number,
    delayMs: number,
  ): Promise<void> {
    const next_at = this.#dialect.secondsFromNow(delayMs / 1000);
    await this.#database.updateTable('callbacks').set({ attempts, next_at }).where('seq', '=', seq).execute();
    if (about === undefined) return;
    await this.#database
      .updateTable('callbacks')
      .set({ next_at })
      .where(
        this.#dialect.isOneOf(
          'event_key',
          messageStatus.options.map((status) => statusKey(about, status)),
        ),
      )
      .where('seq', '>', seq)
      .execute();
  }

  /** Resolves when nothing is left to commit. */
  idle(): Promise<void> {
    return this.#removals.idle();
  }
}

/** The same rows; those of one message change places until they are in the order of `seq`. */
function inOrder(rows: readonly DueCallback[]): DueCallback[] {
  const sorted = new Map<string, DueCallback[]>();
  for (const row of [...rows].sort((a, b) => a.seq - b.seq))
    if (row.about !== undefined) sorted.set(row.about, [...(sorted.get(row.about) ?? []), row]);
  return rows.map((row) => (row.about === undefined ? row : (sorted.get(row.about)?.shift() ?? row)));
}
