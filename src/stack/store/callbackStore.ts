import type { Kysely, SelectQueryBuilder } from 'kysely';
import { Batcher } from '../../base/batcher.ts';
import type { Databases } from './databases.ts';
import type { Dialect } from './dialect.ts';
import type { MessageTables } from './tables.ts';

export interface NewCallback {
  readonly shard: number;
  readonly eventKey: string;
  readonly payload: Record<string, unknown>;
}

export interface DueCallback {
  readonly seq: number;
  readonly payload: string;
  readonly attempts: number;
  /** Since it was stored, by the database's clock. */
  readonly ageSeconds: number;
}

/** Callbacks that wait for their receiver. `MessageStore` adds them, in one transaction with the event. */
export class CallbackStore {
  readonly #database: Kysely<MessageTables>;
  readonly #dialect: Dialect;
  readonly #removals: Batcher<number>;

  constructor({ message: database, dialect }: Pick<Databases, 'message' | 'dialect'>) {
    this.#database = database;
    this.#dialect = dialect;
    this.#removals = new Batcher(async (seqs) => {
      await database.deleteFrom('callbacks').where(dialect.isOneOf('seq', seqs)).execute();
    });
  }

  /** Callbacks that are due, the longest due first. */
  due(shard: number, limit: number, except: readonly number[]): Promise<DueCallback[]> {
    return this.selectDue(shard, limit, except).execute();
  }

  /** The index has the order of this query, so that a long queue costs no more than a short one. */
  selectDue(
    shard: number,
    limit: number,
    except: readonly number[],
  ): SelectQueryBuilder<MessageTables, 'callbacks', DueCallback> {
    let query = this.#database
      .selectFrom('callbacks')
      .select(['seq', 'payload', 'attempts'])
      .select(this.#dialect.secondsSince('created_at').as('ageSeconds'))
      .where('shard', '=', shard)
      .where('next_at', '<=', this.#dialect.now);
    if (except.length > 0) query = query.where('seq', 'not in', except);
    return query.orderBy('next_at').orderBy('seq').limit(limit);
  }

  remove(seq: number): Promise<void> {
    return this.#removals.add(seq);
  }

  async postpone(seq: number, attempts: number, delayMs: number): Promise<void> {
    await this.#database
      .updateTable('callbacks')
      .set({ attempts, next_at: this.#dialect.secondsFromNow(delayMs / 1000) })
      .where('seq', '=', seq)
      .execute();
  }

  /** Resolves when nothing is left to commit. */
  idle(): Promise<void> {
    return this.#removals.idle();
  }
}
