import type { Identity } from '../../onprem/contacts.ts';
import { isProductMessage } from '../../onprem/interactiveMessage.ts';
import { isTemplate } from '../../onprem/templateMessage.ts';
import type { NodeProtocol } from '../wire/nodeProtocol.ts';
import { Refusal } from '../wire/protocol.ts';
import type { Handlers } from '../wire/rpcServer.ts';
import type { CoreappNode } from './coreappNode.ts';

/** How long the servers of WhatsApp may take for an answer. */
const CALL_TIMEOUT_MS = 10_000;
const INDIA = '91';

/** What the Coreapp that owns a shard does for the users of that shard. */
export function messageHandlers(node: CoreappNode) {
  const { store, gateway, outbox } = node.messaging;
  const deadline = () => AbortSignal.timeout(CALL_TIMEOUT_MS);
  /** The first known identity of a user counts as acknowledged. */
  const identityOf = async (waId: string): Promise<Identity> => {
    const known = await store.knownIdentity(waId);
    if (known) return known;
    await store.setIdentity(waId, await gateway.identity(waId, deadline()), true);
    return identityOf(waId);
  };

  return {
    send: async ({ shard, message }) => {
      const ownNumber = node.assertOwner(shard);
      const { recipient, type, body } = message;
      if (recipient === ownNumber) throw new Refusal(1021, 'Sender and recipient are the same');
      const content = (body[type] ?? {}) as Record<string, unknown>;
      if (isTemplate(type) || (type === 'interactive' && isProductMessage(content)))
        await gateway.check(ownNumber, type, content, deadline());
      if (type === 'interactive' && isProductMessage(content)) await requireCompliance(node, ownNumber);
      if (node.settings?.show_security_notifications === true) {
        const identity = await store.knownIdentity(recipient);
        if (identity?.acknowledged === false) throw new Refusal(1028, `${recipient} has a new identity`);
      }
      return { id: await outbox.accept(message, shard) };
    },

    markRead: async ({ id }) => {
      await gateway.markRead(id, deadline());
      return {};
    },

    identity: async ({ waId }) => identityOf(waId),
    acknowledgeIdentity: async ({ waId, hash }) => {
      if ((await identityOf(waId)).hash !== hash) throw new Refusal(1009, 'hash is not that of the user');
      await store.acknowledgeIdentity(waId);
      return {};
    },
  } satisfies Partial<Handlers<NodeProtocol>>;
}

/** In India, selling products needs compliance information. Source: docs/onprem/api-admin.md §9.4. */
async function requireCompliance(node: CoreappNode, ownNumber: string): Promise<void> {
  if (!ownNumber.startsWith(INDIA)) return;
  if ((await node.config.document('compliance')) === undefined)
    throw new Refusal(2050, 'POST /v1/settings/business/compliance_info first');
}
