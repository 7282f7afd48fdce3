import type { ApiErrorBody } from '../onprem/envelope.ts';
import { type InboundMessage, type MessageStatus, messageStatus } from '../onprem/webhook.ts';
import { statusError } from './graphErrors.ts';
import type { GraphContact, GraphInbound, GraphStatus, GraphValue } from './graphWebhook.ts';

/** Changes of a Cloud webhook as what the servers tell an On-Premises stack. Source: docs/onprem/cloud-migration.md §9. */

/** Media of a message, which the gateway has to fetch before Graph deletes it. */
interface InboundMedia {
  readonly graphId: string;
  readonly type: string;
  /** Hex. */
  readonly sha256: string;
}

/** Who wrote, or to whom a message went. At least one of the two is known. */
export interface GraphPerson {
  readonly waId: string | undefined;
  /** The business-scoped user id. */
  readonly userId: string | undefined;
}

export type GraphEvent =
  | {
      readonly kind: 'status';
      readonly wamid: string;
      /** The On-Premises id that the gateway put into the message; undefined for one that it did not send. */
      readonly messageId: string | undefined;
      readonly person: GraphPerson;
      readonly status: MessageStatus;
      readonly timestamp: string;
      readonly errors: readonly ApiErrorBody[];
      readonly billing: Readonly<Record<string, unknown>> | undefined;
      /** What the message is billed as; undefined if it is free, or the status tells no price. */
      readonly billedAs: { readonly category: string; readonly type: string } | undefined;
    }
  | {
      readonly kind: 'inbound';
      readonly wamid: string;
      readonly person: GraphPerson;
      readonly message: Omit<InboundMessage, 'from'>;
      readonly profileName: string | undefined;
      readonly media: InboundMedia | undefined;
    }
  | {
      readonly kind: 'number-changed';
      readonly wamid: string;
      readonly waId: string;
      readonly newWaId: string;
      readonly timestamp: string;
    }
  | { readonly kind: 'identity'; readonly waId: string; readonly hash: string };

/** The On-Premises id of a message by its Cloud id. */
export type IdOf = (wamid: string) => string;

/** The events of a change, in their order. */
export function graphEvents(
  { contacts = [], messages = [], statuses = [] }: GraphValue,
  idOf: IdOf,
): GraphEvent[] {
  return [
    ...contacts.flatMap(identityOf),
    ...messages.flatMap((message) => inboundEvents(message, contacts, idOf)),
    ...statuses.flatMap((status) => statusEvents(status, contacts)),
  ];
}

function identityOf({ wa_id: waId, identity_key_hash: hash }: GraphContact): GraphEvent[] {
  return waId === undefined || hash === undefined ? [] : [{ kind: 'identity', waId, hash }];
}

const UNTOLD_PRICE_TYPE = 'regular';

function statusEvents(status: GraphStatus, contacts: readonly GraphContact[]): GraphEvent[] {
  // `played` and whatever comes later have no counterpart.
  const name = messageStatus.safeParse(status.status);
  if (!name.success) return [];
  const { id: wamid, biz_opaque_callback_data: messageId, recipient_id, timestamp, errors = [] } = status;
  const { pricing, conversation } = status;
  const [contact] = contacts;
  return [
    {
      kind: 'status',
      wamid,
      messageId,
      person: { waId: recipient_id ?? contact?.wa_id, userId: contact?.user_id },
      status: name.data,
      timestamp,
      errors: errors.map(statusError),
      billing: pricing && {
        ...(conversation ? { conversation } : {}),
        pricing: {
          billable: pricing.billable,
          pricing_model: pricing.pricing_model,
          category: pricing.category,
        },
      },
      billedAs: pricing?.billable
        ? { category: pricing.category, type: pricing.type ?? UNTOLD_PRICE_TYPE }
        : undefined,
    },
  ];
}

const MEDIA_TYPES: ReadonlySet<string> = new Set(['image', 'audio', 'video', 'document', 'sticker']);

function inboundEvents(message: GraphInbound, contacts: readonly GraphContact[], idOf: IdOf): GraphEvent[] {
  const { id: wamid, from, from_user_id, timestamp } = message;
  if (message.type === 'system') return systemEvents(message);
  const contact = contactOf(message, contacts);
  const { type, content, media } = contentOf(message);
  const { context, referral } = message as {
    context?: Record<string, unknown>;
    referral?: Record<string, unknown>;
  };
  return [
    {
      kind: 'inbound',
      wamid,
      person: { waId: from ?? contact?.wa_id, userId: from_user_id ?? contact?.user_id },
      message: {
        id: idOf(wamid),
        timestamp,
        type,
        ...(content === undefined ? {} : { [type]: withKnownIds(content, idOf) }),
        ...(context ? { context: withKnownIds(context, idOf) } : {}),
        ...(referral ? { referral: referralOf(referral) } : {}),
      },
      profileName: contact?.profile?.name,
      media,
    },
  ];
}

/** Who wrote a message; a change with one contact names no other. */
const contactOf = ({ from, from_user_id }: GraphInbound, contacts: readonly GraphContact[]) =>
  contacts.find(
    ({ wa_id, user_id }) =>
      (from !== undefined && wa_id === from) || (from_user_id !== undefined && user_id === from_user_id),
  ) ?? (contacts.length === 1 ? contacts[0] : undefined);

function systemEvents({ id: wamid, from, timestamp, system }: GraphInbound): GraphEvent[] {
  const { type, wa_id: newWaId } = (system ?? {}) as { type?: unknown; wa_id?: unknown };
  if (type !== 'user_changed_number' || typeof newWaId !== 'string' || from === undefined) return [];
  return [{ kind: 'number-changed', wamid, waId: from, newWaId, timestamp }];
}

/** The content of a message without its media, which have other ids here. */
function contentOf(message: GraphInbound): {
  readonly type: string;
  readonly content: unknown;
  readonly media: InboundMedia | undefined;
} {
  const { type } = message;
  const content = message[type];
  if (!MEDIA_TYPES.has(type) || typeof content !== 'object' || content === null)
    return { type, content, media: undefined };
  const { id, mime_type, sha256, url: _, voice, animated: __, ...rest } = content as Record<string, unknown>;
  return {
    type: type === 'audio' && voice === true ? 'voice' : type,
    content: rest,
    media: { graphId: String(id), type: String(mime_type), sha256: hexOf(String(sha256)) },
  };
}

/** Checksums of the Cloud API are base64. */
const hexOf = (sha256: string): string =>
  /^[0-9a-f]{64}$/.test(sha256) ? sha256 : Buffer.from(sha256, 'base64').toString('hex');

/** Messages that a person quotes or reacts to, by their On-Premises ids. */
function withKnownIds(content: unknown, idOf: IdOf): unknown {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return content;
  const ids = Object.entries(content).filter(
    ([key, value]) => (key === 'id' || key === 'message_id') && String(value).startsWith('wamid.'),
  );
  return { ...content, ...Object.fromEntries(ids.map(([key, value]) => [key, idOf(String(value))])) };
}

/** What the On-Premises product has of an ad. Its pictures stay on the vendor's servers. */
function referralOf(referral: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const known = ['source_url', 'source_id', 'source_type', 'headline', 'body'];
  return Object.fromEntries(Object.entries(referral).filter(([key]) => known.includes(key)));
}
