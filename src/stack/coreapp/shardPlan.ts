import type { NodeRecord, ShardRecord } from '../store/clusterStore.ts';

export interface Assignment {
  readonly shard: ShardRecord;
  /** Undefined if no healthy Coreapp is free. */
  readonly owner: string | undefined;
}

/**
 * Assigns shards whose owner is gone or has been silent for too long. A healthy
 * Coreapp that owns nothing takes over; a Coreapp owns one shard at a time.
 */
export function planShards(
  nodes: readonly NodeRecord[],
  shards: readonly ShardRecord[],
  unhealthySeconds: number,
): Assignment[] {
  const healthy = nodes
    .filter(({ master, silentSeconds }) => !master && silentSeconds < unhealthySeconds)
    // The Coreapp that has run longest is the warmest standby.
    .sort((a, b) => b.upSeconds - a.upSeconds)
    .map(({ id }) => id);
  const served = new Set(
    shards.flatMap(({ owner }) => (owner !== undefined && healthy.includes(owner) ? [owner] : [])),
  );
  const standbys = healthy.filter((id) => !served.has(id));
  return (
    shards
      .filter(({ owner }) => owner === undefined || !served.has(owner))
      .map((shard) => ({ shard, owner: standbys.shift() }))
      // An unhealthy owner stays in the map until a standby is free: it may come back.
      .filter(({ owner }) => owner !== undefined)
  );
}
