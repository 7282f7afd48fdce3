import { withDeadline } from '../../base/clock.ts';
import { knows } from '../../onprem/clientBehaviour.ts';
import type { Identity } from '../../onprem/contacts.ts';
import { isProductMessage } from '../../onprem/interactiveMessage.ts';
import { isTemplate } from '../../onprem/templateMessage.ts';
import type { NodeProtocol } from '../wire/nodeProtocol.ts';
import { Refusal, Unreachable } from '../wire/protocol.ts';
import type { Handlers } from '../wire/rpcServer.ts';
import type { CoreappNode } from './coreappNode.ts';

/** How long the servers of WhatsApp may take for an answer. */
const CALL_TIMEOUT_MS = 10_000;
const INDIA = '91';

/** What the Coreapp that owns a shard does for the users of that shard. */
export function messageHandlers(node: CoreappNode) {
  const { store, gateway, outbox } = node.messaging;
  const { version, clock, networkUrl } = node.options;
  /** Asks the servers of WhatsApp, which must answer in time. */
  const within = async <T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const late = () => new Unreachable(networkUrl);
    const deadline = withDeadline(clock, new AbortController().signal, CALL_TIMEOUT_MS, late);
    return ask(deadline.signal).finally(deadline.release);
  };
  /** The first known identity of a user counts as acknowledged. */
  const identityOf = async (waId: string): Promise<Identity> => {
    const known = await store.knownIdentity(waId);
    if (known) return known;
    await store.setIdentity(waId, await within((signal) => gateway.identity(waId, signal)), true);
    return identityOf(waId);
  };

  /** Clients of before v2.39.1 write only to numbers that a contacts call found. @throws Refusal 1013 */
  const requireChecked = async (number: string): Promise<void> => {
    const [person] = await within((signal) => gateway.contacts([number], false, signal));
    if (!person?.isKnown) throw new Refusal(1013, 'Recipient is not checked: POST /v1/contacts first');
    if (!person.hasWhatsApp) throw new Refusal(1013, 'Recipient is not a valid WhatsApp user');
  };

  return {
    send: async ({ shard, message }) => {
      const ownNumber = node.assertOwner(shard);
      const { recipient: dialled, type, body, traceparent: parent } = message;
      const recipient = gateway.waIdOf(dialled);
      if (dialled === ownNumber || recipient === ownNumber)
        throw new Refusal(1021, 'cannot send messages to myself');
      if (!knows(version, 'anyRecipient')) await requireChecked(dialled);
      const content = (body[type] ?? {}) as Record<string, unknown>;
      if (isTemplate(type) || (type === 'interactive' && isProductMessage(content))) {
        const ttl = typeof body.ttl === 'number' ? body.ttl : undefined;
        await within((signal) => gateway.check(ownNumber, type, { content, ttl }, signal));
      }
      if (type === 'interactive' && isProductMessage(content) && knows(version, 'compliance'))
        await requireCompliance(node, ownNumber);
      if (node.settings?.show_security_notifications === true) {
        const identity = await store.knownIdentity(recipient);
        if (identity?.acknowledged === false) throw new Refusal(1028, `${recipient} has a new identity`);
      }
      const id = await outbox.accept({ recipient, type, body, traceparent: parent }, shard);
      return { id, waId: recipient };
    },

    markRead: async ({ id }) => {
      await within((signal) => gateway.markRead(id, signal));
      return {};
    },

    downloadMedia: async ({ id }) => {
      node.messaging.fetchReceived(id);
      return {};
    },

    checkContacts: async ({ numbers, isWaiting }) => {
      if (knows(version, 'contactsAlwaysValid'))
        return {
          contacts: numbers.map((number) => ({ number, status: 'valid', waId: gateway.waIdOf(number) })),
        };
      const people = await within((signal) => gateway.contacts(numbers, true, signal));
      return {
        contacts: people.map(({ waId, hasWhatsApp, isKnown }, index) => {
          const number = numbers[index] ?? '';
          if (!isKnown && !isWaiting) return { number, status: 'processing' };
          return hasWhatsApp ? { number, status: 'valid', waId } : { number, status: 'invalid' };
        }),
      };
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
