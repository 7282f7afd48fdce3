import type { Kysely } from 'kysely';
import type { Databases } from './databases.ts';
import type { Dialect } from './dialect.ts';
import type { ClusterTables } from './tables.ts';

export interface NodeRecord {
  readonly id: string;
  readonly hostname: string;
  readonly container: string;
  /** messaging, contacts, control, healthcheck */
  readonly ports: readonly number[];
  readonly master: boolean;
  readonly version: string;
  /** Seconds since it started, by the database's clock. */
  readonly upSeconds: number;
  /** Seconds since the primary Master heard of it, by the database's clock. */
  readonly silentSeconds: number;
}

export interface ShardRecord {
  readonly shard: number;
  readonly owner: string | undefined;
  readonly epoch: number;
}

/** The upgrade that runs, or the last one. */
export interface UpgradeRecord {
  readonly isUnderWay: boolean;
  /** Version of the newest client that upgraded the databases, or began to. */
  readonly version: string | undefined;
  readonly upgrader: string | undefined;
}

const MASTER_LEASE = 'master';

/** Membership, leases and shard map. */
export type ClusterStore = Pick<DatabaseClusterStore, keyof DatabaseClusterStore>;

/** All times are the database's: nodes' clocks are never compared. */
export class DatabaseClusterStore {
  readonly #database: Kysely<ClusterTables>;
  readonly #dialect: Dialect;

  constructor(databases: Pick<Databases, 'cluster' | 'dialect'>) {
    this.#database = databases.cluster;
    this.#dialect = databases.dialect;
  }

  async register(node: Omit<NodeRecord, 'silentSeconds' | 'upSeconds'>): Promise<void> {
    const { id, ...rest } = node;
    const row = { ...rest, ports: node.ports.join(',') };
    const { now } = this.#dialect;
    const insert = this.#database.insertInto('nodes').values({ id, ...row });
    await this.#dialect.orUpdate(insert, 'id', { ...row, healthy_at: now, started_at: now }).execute();
    // A restarted container keeps its name and gets another address: its old row is the same node.
    await this.#database
      .deleteFrom('nodes')
      .where('container', '=', node.container)
      .where('id', '!=', id)
      .execute();
  }

  async unregister(id: string): Promise<void> {
    await this.#database.deleteFrom('nodes').where('id', '=', id).execute();
  }

  async nodes(): Promise<NodeRecord[]> {
    const rows = await this.#database
      .selectFrom('nodes')
      .select(['id', 'hostname', 'container', 'ports', 'master', 'version'])
      .select(this.#dialect.secondsSince('healthy_at').as('silent'))
      .select(this.#dialect.secondsSince('started_at').as('up'))
      .orderBy('id')
      .execute();
    return rows.map(({ ports, silent, up, ...node }) => ({
      ...node,
      ports: ports.split(',').map(Number),
      silentSeconds: silent,
      upSeconds: up,
    }));
  }

  async markHealthy(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#database
      .updateTable('nodes')
      .set({ healthy_at: this.#dialect.now })
      .where('id', 'in', ids)
      .execute();
  }

  async forget(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#database.deleteFrom('nodes').where('id', 'in', ids).execute();
  }

  /** Takes or renews the lease of the primary Master. */
  async tryLease(holder: string, seconds: number): Promise<boolean> {
    const { now } = this.#dialect;
    const expires_at = this.#dialect.secondsFromNow(seconds);
    const { numUpdatedRows } = await this.#database
      .updateTable('leases')
      .set({ holder, expires_at })
      .where('name', '=', MASTER_LEASE)
      .where((where) =>
        where.or([
          where('holder', '=', holder),
          where('expires_at', '<', now),
          // Nobody takes a lease for so long: the clock of the database has gone back.
          where('expires_at', '>', this.#dialect.secondsFromNow(seconds * 2)),
        ]),
      )
      .executeTakeFirst();
    if (numUpdatedRows === 1n) return true;
    const insert = this.#database.insertInto('leases').values({ name: MASTER_LEASE, holder, expires_at });
    const { numInsertedOrUpdatedRows } = await this.#dialect.orIgnore(insert).executeTakeFirst();
    return numInsertedOrUpdatedRows === 1n;
  }

  /** A node that starts owns nothing: the shard of its predecessor of the same name goes to a standby. */
  async disown(owner: string): Promise<void> {
    for (const shard of await this.shardMap()) if (shard.owner === owner) await this.assign(shard, undefined);
  }

  async hasLease(): Promise<boolean> {
    return (
      (await this.#database
        .selectFrom('leases')
        .select('name')
        .where('name', '=', MASTER_LEASE)
        .executeTakeFirst()) !== undefined
    );
  }

  async releaseLease(holder: string): Promise<void> {
    await this.#database
      .deleteFrom('leases')
      .where('name', '=', MASTER_LEASE)
      .where('holder', '=', holder)
      .execute();
  }

  /** Who holds the lease just now. */
  async primaryMaster(): Promise<string | undefined> {
    const row = await this.#database
      .selectFrom('leases')
      .select('holder')
      .where('name', '=', MASTER_LEASE)
      .where('expires_at', '>', this.#dialect.now)
      .executeTakeFirst();
    return row?.holder;
  }

  async upgradeRecord(): Promise<UpgradeRecord> {
    const row = await this.#database
      .selectFrom('cluster')
      .select(['state', 'version', 'upgraded_by'])
      .executeTakeFirst();
    return {
      isUnderWay: row?.state === 'UPGRADE',
      version: row?.version ?? undefined,
      upgrader: row?.upgraded_by ?? undefined,
    };
  }

  async setUpgrade(isUnderWay: boolean, by: { version: string; name: string }): Promise<void> {
    const state = isUnderWay ? 'UPGRADE' : 'NORMAL';
    const { version, name } = by;
    await this.#database.updateTable('cluster').set({ state, upgraded_by: name, version }).execute();
  }

  async shardMap(): Promise<ShardRecord[]> {
    const rows = await this.#database.selectFrom('shard_map').selectAll().orderBy('shard').execute();
    return rows.map(({ shard, owner, epoch }) => ({ shard, owner: owner ?? undefined, epoch }));
  }

  /** Gives a shard another owner, unless its owner changed meanwhile. */
  async assign(shard: ShardRecord, owner: string | undefined): Promise<boolean> {
    const { numUpdatedRows } = await this.#database
      .updateTable('shard_map')
      .set({ owner: owner ?? null, epoch: shard.epoch + 1 })
      .where('shard', '=', shard.shard)
      .where('epoch', '=', shard.epoch)
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }

  /**
   * Splits the number into this many shards. All shards lose their owners, so that no two nodes send the same message;
   * the primary Master assigns them again.
   */
  async setShards(count: number): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      const [last] = await transaction
        .selectFrom('shard_map')
        .select('epoch')
        .orderBy('epoch', 'desc')
        .limit(1)
        .execute();
      const epoch = (last?.epoch ?? 0) + 1;
      await transaction.deleteFrom('shard_map').execute();
      await transaction
        .insertInto('shard_map')
        .values(Array.from({ length: count }, (_, shard) => ({ shard, owner: null, epoch })))
        .execute();
      await transaction.updateTable('cluster').set({ shards: count }).execute();
    });
  }
}
