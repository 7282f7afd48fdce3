import type { Identity } from '../../onprem/contacts.ts';
import { isProductMessage } from '../../onprem/interactiveMessage.ts';
import type { NodeSupport } from '../../onprem/support.ts';
import { isTemplate } from '../../onprem/templateMessage.ts';
import { schemaVersions } from '../store/migrations.ts';
import { metricsJson } from '../wire/metricsShape.ts';
import type { NodeProtocol } from '../wire/nodeProtocol.ts';
import { Refusal } from '../wire/protocol.ts';
import type { Handlers } from '../wire/rpcServer.ts';
import { accountHandlers, requirePrimary } from './accountHandlers.ts';
import type { CoreappNode } from './coreappNode.ts';

/** How long a question to the servers of WhatsApp may take. */
const CALL_TIMEOUT_MS = 10_000;
const INDIA = '91';
/** Not found in any source: room on the disks; the documented sample is as large. */
const FREE_SPACE = 9_223_372_036_853_727_000;

/** What a node answers on its four ports. */
export function nodeHandlers(node: CoreappNode): Handlers<NodeProtocol> {
  const expires = new Date(node.expiresAt).toISOString().slice(0, 19);
  const patience = () => AbortSignal.timeout(CALL_TIMEOUT_MS);
  /** A first identity is taken as it is. */
  const identityOf = async (waId: string): Promise<Identity> => {
    const known = await node.messages.knownIdentity(waId);
    if (known) return known;
    await node.messages.setIdentity(waId, await node.gateway.identity(waId, patience()), true);
    return identityOf(waId);
  };

  return {
    ...accountHandlers(node),

    send: async ({ shard, message }) => {
      const ownNumber = node.assertOwner(shard);
      const { recipient, type, body } = message;
      if (recipient === ownNumber) throw new Refusal(1021, 'Sender and recipient are the same');
      const content = (body[type] ?? {}) as Record<string, unknown>;
      if (isTemplate(type) || (type === 'interactive' && isProductMessage(content)))
        await node.gateway.check(ownNumber, type, content, patience());
      if (type === 'interactive' && isProductMessage(content)) await requireCompliance(node, ownNumber);
      if (node.settings?.show_security_notifications === true) {
        const identity = await node.messages.knownIdentity(recipient);
        if (identity?.acknowledged === false) throw new Refusal(1028, `${recipient} has a new identity`);
      }
      return { id: await node.outbox.accept(message, shard) };
    },

    markRead: async ({ id }) => {
      await node.gateway.markRead(id, patience());
      return {};
    },

    identity: async ({ waId }) => identityOf(waId),
    acknowledgeIdentity: async ({ waId, hash }) => {
      if ((await identityOf(waId)).hash !== hash) throw new Refusal(1009, 'hash is not that of the user');
      await node.messages.acknowledgeIdentity(waId);
      return {};
    },

    collectMessages: async () => {
      node.housekeeping.collectMessages();
      return { status: 'processing' as const };
    },
    collectMedia: async () => {
      requirePrimary(node);
      node.housekeeping.collectMedia();
      return {};
    },

    stats: async ({ area }) => {
      if (area === 'app') return { metrics: await metricsJson(node.metrics.registry) };
      // Heavy, and the same from everywhere: only the primary Master counts rows.
      return { metrics: node.isPrimary ? await databaseMetrics(node) : {} };
    },

    support: async (): Promise<NodeSupport> => {
      const { account, options, role, gatewayStatus, ownedShard } = node;
      return {
        context: 'healthcheck',
        db_engine: options.databases.dialect.engine,
        debug_info: account?.registrationKey ? account.cc + account.phoneNumber : 'unregistered',
        description: `waba-emulator ${options.version}`,
        device_iso8601: new Date(options.clock.now()).toISOString(),
        expire_timestamp: expires,
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
    },

    health: async () => ({ gateway_status: node.gatewayStatus, ...(node.role ? { role: node.role } : {}) }),
    heartbeat: async () => ({ gateway_status: node.gatewayStatus }),
  };
}

/** In India products are sold only by a business that has said who it is. Source: docs/onprem/api-admin.md §9.4. */
async function requireCompliance(node: CoreappNode, ownNumber: string): Promise<void> {
  if (!ownNumber.startsWith(INDIA)) return;
  if ((await node.config.document('compliance')) === undefined)
    throw new Refusal(2050, 'POST /v1/settings/business/compliance_info first');
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
  const { messages, pending, receipts, callbacks } = await node.messages.counts();
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
