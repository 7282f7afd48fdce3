import { contactsRequest, identityRequest } from '../../../onprem/contacts.ts';
import { normaliseRecipient } from '../../../onprem/messages.ts';
import { relayed } from '../respond.ts';
import { type Route, route } from '../route.ts';

/** Contacts. Source: docs/onprem/api-messaging.md §4. */
export const contactRoutes: readonly Route[] = [
  route(
    {
      method: 'POST',
      path: '/v1/contacts',
      access: 'any',
      summary: 'WhatsApp ids of phone numbers',
      fidelity: 'inferred',
      note: 'as from v2.43 on, every well-formed number is valid at once, whether it has an account or not',
      body: contactsRequest,
    },
    async ({ body }, { version }) =>
      relayed(version, 200, {
        contacts: body.contacts.map((input) => {
          const waId = normaliseRecipient(input);
          return waId ? { input, status: 'valid', wa_id: waId } : { input, status: 'invalid' };
        }),
      }),
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
      const waId = parameter('waId');
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
      const waId = parameter('waId');
      await router.toShardOf(waId, 'acknowledgeIdentity', { waId, hash: body.hash });
      return relayed(version);
    },
  ),
];
