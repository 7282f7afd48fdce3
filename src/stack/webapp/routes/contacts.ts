import { contactsRequest, identityRequest } from '../../../onprem/contacts.ts';
import { normaliseRecipient } from '../../../onprem/messages.ts';
import { Refusal } from '../../wire/protocol.ts';
import { relayed } from '../respond.ts';
import { type Route, route } from '../route.ts';

/** @throws Refusal 1009 for what can be nobody's id */
function waIdIn(text: string): string {
  const waId = normaliseRecipient(text);
  if (waId === undefined) throw new Refusal(1009, 'wa_id is not a valid number');
  return waId;
}

/** Contacts. Source: docs/onprem/api-messaging.md §4. */
export const contactRoutes: readonly Route[] = [
  route(
    {
      method: 'POST',
      path: '/v1/contacts',
      access: 'any',
      summary: 'WhatsApp ids of phone numbers',
      fidelity: 'inferred',
      note: 'from v2.43 on, every well-formed number is valid at once, whether it has an account or not',
      body: contactsRequest,
    },
    async ({ body }, { router, version }) => {
      const numbers = body.contacts.flatMap((input) => normaliseRecipient(input) ?? []);
      const checked = await router.checkContacts([...new Set(numbers)], body.blocking === 'wait');
      return relayed(version, 200, {
        contacts: body.contacts.map((input) => {
          const { status = 'invalid', waId } = checked.get(normaliseRecipient(input) ?? '') ?? {};
          return { input, status, ...(waId === undefined ? {} : { wa_id: waId }) };
        }),
      });
    },
  ),
  route(
    {
      method: 'GET',
      path: '/v1/contacts/:waId/identity',
      access: 'any',
      summary: 'Identity of a user, and whether it is acknowledged',
      fidelity: 'simplified',
      note: 'hashes are made up',
    },
    async ({ parameter }, { router, version }) => {
      const waId = waIdIn(parameter('waId'));
      return relayed(version, 200, { contacts: await router.toShardOf(waId, 'identity', { waId }) });
    },
  ),
  route(
    {
      method: 'PUT',
      path: '/v1/contacts/:waId/identity',
      access: 'any',
      summary: 'Acknowledge an identity',
      fidelity: 'inferred',
      note: 'the answer to a hash that is not the current one (1009) is not documented',
      body: identityRequest,
    },
    async ({ parameter, body }, { router, version }) => {
      const waId = waIdIn(parameter('waId'));
      await router.toShardOf(waId, 'acknowledgeIdentity', { waId, hash: body.hash });
      return relayed(version);
    },
  ),
];
