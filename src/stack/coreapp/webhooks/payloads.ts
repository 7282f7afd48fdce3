import { createHash } from 'node:crypto';
import type { ApiErrorBody } from '../../../onprem/envelope.ts';
import { messageId } from '../../../onprem/messages.ts';
import { NO_NUMBER } from '../../../onprem/userId.ts';
import type { Callback, InboundMessage, MessageStatus } from '../../../onprem/webhook.ts';
import { type NewCallback, statusKey } from '../../store/callbackStore.ts';

const STATUSES = { begin: '{"statuses":[', end: ']}' } as const;

/** The body of several callbacks that `statusCallback` made, as texts. Source: docs/onprem/api-messaging.md §8. */
export function joinStatuses(payloads: readonly string[]): string {
  // People without a number have a contact beside the status.
  if (payloads.every((payload) => payload.startsWith(STATUSES.begin)))
    return (
      STATUSES.begin +
      payloads.map((payload) => payload.slice(STATUSES.begin.length, -STATUSES.end.length)).join(',') +
      STATUSES.end
    );
  const bodies = payloads.map((payload) => JSON.parse(payload) as Callback);
  return JSON.stringify({
    contacts: bodies.flatMap(({ contacts = [] }) => contacts),
    statuses: bodies.flatMap(({ statuses = [] }) => statuses),
  });
}

/** A callback has one event, until it is posted together with others: see `chooseBodies`. */
export function statusCallback(
  status: {
    messageId: string;
    recipient: string;
    status: MessageStatus;
    timestamp: string;
    errors?: ApiErrorBody[] | undefined;
    /** Conversation and price, if the settings ask for them. */
    billing?: object | undefined;
    traceparent?: string | undefined;
    /** The business-scoped id of a person who shows no number. */
    userId?: string | undefined;
    isRecipientHidden?: boolean | undefined;
  },
  shard: number,
): NewCallback {
  const payload: Callback = {
    ...(status.userId === undefined ? {} : { contacts: [{ user_id: status.userId }] }),
    statuses: [
      {
        id: status.messageId,
        ...(status.isRecipientHidden
          ? {}
          : { recipient_id: status.recipient, message: { recipient_id: status.recipient } }),
        status: status.status,
        timestamp: status.timestamp,
        type: 'message',
        ...status.billing,
        ...(status.errors && { errors: status.errors }),
      },
    ],
  };
  const { messageId, status: told, traceparent } = status;
  return { shard, eventKey: statusKey(messageId, told), payload, traceparent };
}

export interface Sender {
  readonly profileName: string | undefined;
  /** The business-scoped id that the Cloud API tells. */
  readonly userId?: string | undefined;
  /** The person shows no number. */
  readonly isFromHidden?: boolean | undefined;
}

/** Fields of the Cloud API have the names that clients of its gateways know. Source: docs/onprem/cloud-migration.md §17.5. */
export function inboundCallback(
  message: InboundMessage,
  { profileName, userId, isFromHidden }: Sender,
  shard: number,
): NewCallback {
  const { from, ...content } = message;
  const payload = {
    contacts: [
      {
        ...(isFromHidden ? {} : { wa_id: from }),
        ...(userId ? { user_id: userId } : {}),
        ...(profileName ? { profile: { name: profileName } } : {}),
      },
    ],
    messages: [{ ...(isFromHidden ? {} : { from }), ...(userId ? { from_bsuid: userId } : {}), ...content }],
  };
  return { shard, eventKey: `inbound/${message.id}`, payload };
}

/** A system message: an event of a person that is not a message. Source: docs/onprem/api-messaging.md §8.4. */
export const systemCallback = (
  event: { waId: string | undefined; userId?: string | undefined; timestamp: string },
  system: Readonly<Record<string, unknown>> & { readonly type: string },
  shard: number,
): NewCallback => {
  const eventKey = createHash('sha256')
    .update(JSON.stringify([event, system]))
    .digest('hex')
    .slice(0, 40);
  const { waId, userId } = event;
  const key = () => Buffer.from(eventKey, 'hex').subarray(0, 10);
  const id = messageId('inbound', waId ?? NO_NUMBER, key);
  const message = {
    ...(waId === undefined ? {} : { from: waId }),
    ...(userId === undefined ? {} : { from_bsuid: userId }),
    id,
    timestamp: event.timestamp,
    type: 'system',
    system,
  };
  return { shard, eventKey: `system/${eventKey}`, payload: { messages: [message] } };
};

/** An error that belongs to no status. `eventKey` prevents a second callback of the same error. */
export const errorCallback = (error: ApiErrorBody, eventKey: string, shard: number): NewCallback => ({
  shard,
  eventKey: `error/${eventKey}`,
  payload: { errors: [error] } satisfies Callback,
});

/** Media that the business asked for is there. Source: docs/onprem/api-messaging.md §5.2. */
export const mediaCallback = (
  kind: string,
  content: Readonly<Record<string, unknown>> & { readonly id: string },
  shard: number,
): NewCallback => ({
  shard,
  eventKey: `media/${content.id}`,
  payload: { media_items: [{ type: kind, [kind]: content }] } satisfies Callback,
});

/** The result of a collection. Source: docs/onprem/api-admin.md §15. */
export const collectionCallback = (
  what: 'message' | 'media',
  result: Readonly<Record<string, unknown>>,
  eventKey: string,
  shard: number,
): NewCallback => ({
  shard,
  eventKey: `gc/${eventKey}`,
  payload: { services: [{ [what]: { gc: result } }] },
});
