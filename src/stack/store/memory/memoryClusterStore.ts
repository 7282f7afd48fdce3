import type { Clock } from '../../../base/clock.ts';
import type { ClusterStore, NodeRecord, ShardRecord, UpgradeRecord } from '../clusterStore.ts';
import type { MemoryTables, Table } from './memoryTables.ts';

interface Node extends Omit<NodeRecord, 'silentSeconds' | 'upSeconds'> {
  /** Epoch ms. */
  readonly healthyAt: number;
  readonly startedAt: number;
}
interface Lease {
  readonly holder: string;
  /** Epoch ms. */
  readonly expiresAt: number;
}

const ONLY = 'only';

/** Membership, lease and shard map in memory, for the nodes of this process. */
export class MemoryClusterStore implements ClusterStore {
  readonly #tables: MemoryTables;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #nodes: Table<Node>;
  readonly #lease: Table<Lease>;
  readonly #shards: Table<ShardRecord>;
  readonly #upgrade: Table<UpgradeRecord>;

  constructor(tables: MemoryTables, clock: Pick<Clock, 'now'>) {
    this.#tables = tables;
    this.#clock = clock;
    this.#nodes = tables.table('nodes');
    this.#lease = tables.table('leases');
    this.#shards = tables.table('shard_map');
    this.#upgrade = tables.table('cluster');
    if (this.#shards.rows.size === 0) this.#shards.set('0', { shard: 0, owner: undefined, epoch: 0 });
  }

  async register(node: Omit<NodeRecord, 'silentSeconds' | 'upSeconds'>): Promise<void> {
    const now = this.#clock.now();
    for (const [id, { container }] of this.#nodes.rows)
      if (container === node.container && id !== node.id) this.#nodes.delete(id);
    this.#nodes.set(node.id, { ...node, healthyAt: now, startedAt: now });
    await this.#tables.commit();
  }

  unregister = (id: string): Promise<void> => this.forget([id]);

  async nodes(): Promise<NodeRecord[]> {
    const now = this.#clock.now();
    return [...this.#nodes.rows.values()]
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map(({ healthyAt, startedAt, ...node }) => ({
        ...node,
        silentSeconds: (now - healthyAt) / 1000,
        upSeconds: (now - startedAt) / 1000,
      }));
  }

  async markHealthy(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const node = this.#nodes.rows.get(id);
      if (node) this.#nodes.set(id, { ...node, healthyAt: this.#clock.now() });
    }
    await this.#tables.commit();
  }

  async forget(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#nodes.delete(id);
    await this.#tables.commit();
  }

  async tryLease(holder: string, seconds: number): Promise<boolean> {
    const now = this.#clock.now();
    const held = this.#lease.rows.get(ONLY);
    if (held && held.holder !== holder && held.expiresAt >= now) return false;
    this.#lease.set(ONLY, { holder, expiresAt: now + seconds * 1000 });
    await this.#tables.commit();
    return true;
  }

  async disown(owner: string): Promise<void> {
    for (const shard of await this.shardMap()) if (shard.owner === owner) await this.assign(shard, undefined);
  }

  async hasLease(): Promise<boolean> {
    return this.#lease.rows.has(ONLY);
  }

  async releaseLease(holder: string): Promise<void> {
    if (this.#lease.rows.get(ONLY)?.holder === holder) this.#lease.delete(ONLY);
    await this.#tables.commit();
  }

  async primaryMaster(): Promise<string | undefined> {
    const lease = this.#lease.rows.get(ONLY);
    return lease && lease.expiresAt > this.#clock.now() ? lease.holder : undefined;
  }

  async upgradeRecord(): Promise<UpgradeRecord> {
    return this.#upgrade.rows.get(ONLY) ?? { isUnderWay: false, version: undefined, upgrader: undefined };
  }

  async setUpgrade(isUnderWay: boolean, by: { version: string; name: string }): Promise<void> {
    this.#upgrade.set(ONLY, { isUnderWay, version: by.version, upgrader: by.name });
    await this.#tables.commit();
  }

  async shardMap(): Promise<ShardRecord[]> {
    return [...this.#shards.rows.values()].sort((a, b) => a.shard - b.shard);
  }

  async assign({ shard, epoch }: ShardRecord, owner: string | undefined): Promise<boolean> {
    if (this.#shards.rows.get(String(shard))?.epoch !== epoch) return false;
    this.#shards.set(String(shard), { shard, owner, epoch: epoch + 1 });
    await this.#tables.commit();
    return true;
  }

  async setShards(count: number): Promise<void> {
    const epoch = Math.max(0, ...[...this.#shards.rows.values()].map((shard) => shard.epoch)) + 1;
    for (const key of [...this.#shards.rows.keys()]) this.#shards.delete(key);
    for (let shard = 0; shard < count; shard++)
      this.#shards.set(String(shard), { shard, owner: undefined, epoch });
    await this.#tables.commit();
  }
}
