import type { NodeSupport } from '../../onprem/support.ts';
import { schemaVersions } from '../store/migrations.ts';
import { metricsJson } from '../wire/metricsShape.ts';
import type { NodeProtocol } from '../wire/nodeProtocol.ts';
import type { Handlers } from '../wire/rpcServer.ts';
import { configurationHandlers } from './configurationHandlers.ts';
import type { CoreappNode } from './coreappNode.ts';
import { messageHandlers } from './messageHandlers.ts';
import { registrationHandlers } from './registrationHandlers.ts';

/** Not found in any source: free disk space; the documented sample shows this number. */
const FREE_SPACE = 9_223_372_036_853_727_000;

/** What a node answers on its four ports. */
export function nodeHandlers(node: CoreappNode): Handlers<NodeProtocol> {
  return {
    ...registrationHandlers(node),
    ...configurationHandlers(node),
    ...messageHandlers(node),

    collectMessages: async () => {
      node.housekeeping.collectMessages();
      return { status: 'processing' as const };
    },
    collectMedia: async () => {
      node.housekeeping.collectMedia();
      return {};
    },

    stats: async ({ area }) => {
      if (area === 'app') return { metrics: await metricsJson(node.metrics.registry) };
      // Counting rows is expensive and gives the same numbers everywhere: only the primary Master does it.
      return { metrics: node.isPrimary ? await databaseMetrics(node) : {} };
    },

    support: () => supportOf(node),

    health: async () => ({ gateway_status: node.gatewayStatus, ...(node.role ? { role: node.role } : {}) }),
    heartbeat: async () => ({ gateway_status: node.gatewayStatus }),
  };
}

async function supportOf(node: CoreappNode): Promise<NodeSupport> {
  const { account, options, role, gatewayStatus, ownedShard } = node;
  return {
    context: 'healthcheck',
    db_engine: node.stores.engine,
    debug_info: account?.registrationKey ? account.cc + account.phoneNumber : 'unregistered',
    description: `waba-emulator ${options.version}`,
    device_iso8601: new Date(node.time.now()).toISOString(),
    expire_timestamp: new Date(node.expiresAt).toISOString().slice(0, 19),
    free_space_data: FREE_SPACE,
    free_space_logs: FREE_SPACE,
    free_space_media_incoming: FREE_SPACE,
    free_space_media_outgoing: FREE_SPACE,
    lc: 'en',
    lg: 'US',
    multi_connect: options.multiconnect,
    os_name: process.platform,
    schema: schemaVersions(),
    socket_conn: gatewayStatus === 'connected' ? 'UP' : gatewayStatus === 'connecting' ? 'SC' : 'DN',
    version: options.version,
    ...(role ? { role, shards: await ownedRanges(node, ownedShard) } : {}),
  };
}

/**
 * Ranges of shards: -1 is the control shard, which with one shard lies with its Coreapp.
 * Source: docs/onprem/api-admin.md §16.
 */
async function ownedRanges(node: CoreappNode, owned: number | undefined): Promise<[number, number][]> {
  const isSplit = (await node.cluster.shardMap()).length > 1;
  if (owned !== undefined)
    return isSplit
      ? [[owned, owned]]
      : [
          [-1, -1],
          [owned, owned],
        ];
  return isSplit && node.isPrimary ? [[-1, -1]] : [];
}

async function databaseMetrics(node: CoreappNode) {
  const { messages, pending, receipts, callbacks } = await node.messaging.store.counts();
  const gauge = (help: string, value: number, labels?: Record<string, string>) => ({
    type: 'gauge',
    help,
    data: [{ ...(labels ? { labels } : {}), value }],
  });
  return {
    db_messages: gauge('Current number of messages in DB', messages, { type: 'undefined' }),
    db_message_receipts: gauge('Current number of message receipts in DB', receipts),
    db_pending_messages: gauge('Current number of pending messages in DB', pending),
    db_pending_callbacks: gauge('Current number of pending callbacks in DB', callbacks),
  };
}
