import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { ClusterStore, NodeRecord } from '../store/clusterStore.ts';
import type { MessageStore } from '../store/messageStore.ts';
import type { ConnectionPool } from '../wire/connectionPool.ts';
import { type NodeProtocol, routeOf } from '../wire/nodeProtocol.ts';
import { planShards } from './shardPlan.ts';

/**
 * Not found in any source: how long a Master's lease lasts, when a silent node leaves the table, and how long a new node
 * may take for its first heartbeat.
 */
export const CLUSTER_BEHAVIOUR = { leaseSeconds: 10, forgetAfterSeconds: 300, greetSeconds: 1 } as const;

export interface MasterDutiesOptions {
  readonly self: string;
  readonly cluster: ClusterStore;
  readonly messages: MessageStore;
  readonly pool: ConnectionPool<NodeProtocol>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One round of the primary Master: finds out which nodes are alive, and assigns shards. */
export async function masterRound(
  options: MasterDutiesOptions,
  intervals: { heartbeatSeconds: number; unhealthySeconds: number },
  signal: AbortSignal,
): Promise<void> {
  const { cluster, logger } = options;
  const nodes = await cluster.nodes();
  const alive = await Promise.all(
    nodes.map((node) => isAlive(node, options, intervals.heartbeatSeconds, signal)),
  );
  await cluster.markHealthy(nodes.filter((_, index) => alive[index]).map(({ id }) => id));
  const gone = nodes.filter(
    ({ silentSeconds }, index) => !alive[index] && silentSeconds > CLUSTER_BEHAVIOUR.forgetAfterSeconds,
  );
  await cluster.forget(gone.map(({ id }) => id));

  const shards = await cluster.shardMap();
  await options.messages.adopt(shards.length);
  const current = nodes.map((node, index) => (alive[index] ? { ...node, silentSeconds: 0 } : node));
  for (const { shard, owner } of planShards(current, shards, intervals.unhealthySeconds)) {
    if (await cluster.assign(shard, owner))
      logger.info('shard promoted', { shard: shard.shard, from: shard.owner, to: owner });
  }
}

/**
 * Asks nodes that have just registered for their first heartbeat, so that they count as members before the next round.
 */
export async function greet(
  options: MasterDutiesOptions,
  newcomers: readonly NodeRecord[],
  signal: AbortSignal,
): Promise<void> {
  const alive = await Promise.all(
    newcomers.map((node) => isAlive(node, options, CLUSTER_BEHAVIOUR.greetSeconds, signal)),
  );
  await options.cluster.markHealthy(newcomers.filter((_, index) => alive[index]).map(({ id }) => id));
}

async function isAlive(
  node: NodeRecord,
  options: MasterDutiesOptions,
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (node.id === options.self) return true;
  try {
    const { target } = routeOf('heartbeat', node);
    await options.pool.call(
      target,
      'heartbeat',
      { from: options.self },
      { signal, timeoutMs: timeoutSeconds * 1000 },
    );
    return true;
  } catch {
    return false;
  }
}
