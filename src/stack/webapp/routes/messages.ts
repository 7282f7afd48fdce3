import { knows } from '../../../onprem/clientBehaviour.ts';
import {
  keyOfMessageId,
  markRead,
  mediaReferences,
  messageBody,
  normaliseRecipient,
  peerOfMessageId,
  type SendRequest,
  sendRequest,
} from '../../../onprem/messages.ts';
import { versionRefusal } from '../../../onprem/sendByVersion.ts';
import { isUserId, NO_NUMBER } from '../../../onprem/userId.ts';
import { Refusal } from '../../wire/protocol.ts';
import type { NetworkLink } from '../networkLink.ts';
import { jsonAnswer, relayed } from '../respond.ts';
import { type Route, route } from '../route.ts';

/** Messages. Source: docs/onprem/api-messaging.md §2, §3. */
export const messageRoutes: readonly Route[] = [
  route(
    {
      method: 'POST',
      path: '/v1/messages',
      access: 'any',
      summary: 'Send a message of any type',
      fidelity: 'inferred',
      note: 'sources disagree about 200 and 201, and about context and reactions; the emulator answers 201 and accepts both',
      body: sendRequest,
    },
    async ({ body, traceparent }, { router, media, version, backend }) => {
      const recipient = recipientOf(body, backend());
      const refusal = versionRefusal(body, version);
      if (refusal) throw new Refusal(refusal.code, refusal.details);
      const content = messageBody(body);
      for (const { id } of mediaReferences(content))
        if (id !== undefined && !(await media.find(id))) throw new Refusal(1006, `No media ${id}`);
      const { id, waId } = await router.send({ recipient, type: body.type, body: content, traceparent });
      const contacts = knows(version, 'contactsInAnswer') ? { contacts: [contactOf(body, waId)] } : {};
      const payload = { ...contacts, messages: [{ id }] };
      return jsonAnswer({ status: 201, payload, relayed: true, key: keyOfMessageId(id) }, version);
    },
  ),
  route(
    {
      method: 'PUT',
      path: '/v1/messages/:id',
      access: 'any',
      summary: 'Mark a received message, and those before it, as read',
      fidelity: 'exact',
      body: markRead,
    },
    async ({ parameter }, { router, version }) => {
      const id = parameter('id');
      const peer = peerOfMessageId(id);
      if (peer === undefined) throw new Refusal(1006, `No message ${id}`);
      await router.toShardOf(peer, 'markRead', { id });
      return relayed(version);
    },
  ),
];

/** Whom a message is for, as a number. @throws Refusal 1008, 1009; 1011 while nobody knows what is behind the stack */
function recipientOf({ to, recipient }: SendRequest, backend: NetworkLink['backend']): string {
  if (to !== undefined) {
    const digits = normaliseRecipient(to);
    if (!digits) throw new Refusal(1009, 'to is not a valid number');
    return digits;
  }
  if (backend === 'unknown')
    throw new Refusal(1011, 'recipient is for the Cloud API, and the gateway to it does not answer yet');
  if (backend === undefined || recipient === undefined) throw new Refusal(1008, 'to is required');
  if (!isUserId(recipient))
    throw new Refusal(
      1009,
      'recipient must be a business-scoped user id: two capital letters of a country, a dot, and 1 to 128 letters or digits',
    );
  return NO_NUMBER;
}

const contactOf = ({ to, recipient }: SendRequest, waId: string): object =>
  to === undefined ? { input: recipient, user_id: recipient } : { input: to, wa_id: waId };
