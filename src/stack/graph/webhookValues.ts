import { randomInt } from 'node:crypto';
import { cloudId } from '../../cloud/messageIds.ts';
import type { Step } from '../network/behaviour.ts';
import type { NewChange } from '../network/graphSide.ts';
import { graphIds } from '../network/graphState.ts';
import type { Network } from '../network/network.ts';
import type { Entry, Outgoing } from '../network/networkEntries.ts';
import { userIdOf } from '../network/userId.ts';
import type { NetworkEvent } from '../wire/networkProtocol.ts';
import { cloudCode } from './cloudCodes.ts';
import { graphErrorTitle } from './graphFailure.ts';

/** What the webhook of the Graph API is told. Source: docs/onprem/cloud-migration.md §9, §17.4, §17.5. */

type Inbound = Extract<NetworkEvent['body'], { kind: 'inbound' }>;
type View = Pick<Network, 'state' | 'people' | 'now'>;

/** Types whose content is told as it is. */
const PLAIN: ReadonlySet<string> = new Set([
  'text',
  'location',
  'contacts',
  'button',
  'interactive',
  'order',
  'reaction',
]);
const MEDIA: ReadonlySet<string> = new Set(['image', 'audio', 'voice', 'video', 'document', 'sticker']);
const ERROR_PAGE = 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/';

/** Ids of media of the Graph API are digits. */
export const newMediaId = (): string => `${randomInt(1, 10)}${String(randomInt(2 ** 47)).padStart(15, '0')}`;

export const wamidOf = (id: string): string => cloudId(id) ?? id;

/** How a person appears: one who hides the number has only the business-scoped id. */
export function personOf({ state }: Pick<View, 'state'>, waId: string) {
  const person = state.people.get(waId);
  const isHidden = person?.hidesNumber === true;
  return { waId: isHidden ? undefined : waId, userId: userIdOf(waId, person), name: person?.profileName };
}

const withoutUndefined = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

export function changeValue(
  { state }: Pick<View, 'state'>,
  number: string,
  more: Readonly<Record<string, unknown>>,
): NewChange {
  const { phoneNumberId } = graphIds(number, state.known(number).graph);
  return {
    field: 'messages',
    value: {
      messaging_product: 'whatsapp',
      metadata: { display_phone_number: number, phone_number_id: phoneNumberId },
      ...more,
    },
  };
}

/** The body of a post that tells changes of a number. */
export function webhookBody(
  { state }: Pick<View, 'state'>,
  number: string,
  changes: readonly NewChange[],
): object {
  const { businessAccountId } = graphIds(number, state.known(number).graph);
  return {
    object: 'whatsapp_business_account',
    entry: [{ id: businessAccountId, changes: changes.map(({ field, value }) => ({ value, field })) }],
  };
}

/** @returns undefined for what the Cloud API does not tell: identities, and what blocked people write */
export function changeOfEvent(
  view: View,
  number: string,
  body: NetworkEvent['body'],
): { readonly change: NewChange; readonly together: readonly Entry[] } | undefined {
  if (body.kind === 'inbound') {
    const isBlocked = view.state.known(number).graphSettings?.blocked?.includes(body.message.from);
    return isBlocked ? undefined : inboundChange(view, number, body);
  }
  if (body.kind !== 'number-changed') return undefined;
  const { waId, newWaId, timestamp } = body;
  const system = {
    body: `User ${waId} changed from ${waId} to ${newWaId}`,
    wa_id: newWaId,
    type: 'user_changed_number',
  };
  const message = { from: waId, id: `wamid.${newMediaId()}`, timestamp, type: 'system', system };
  return { change: changeValue(view, number, { messages: [message] }), together: [] };
}

/** A person has another business-scoped id. */
export function userIdChange(
  view: View,
  number: string,
  { waId, userId, formerUserId }: { waId: string; userId: string; formerUserId: string },
): NewChange {
  const { waId: from } = personOf(view, waId);
  const message = withoutUndefined({
    from,
    from_user_id: formerUserId,
    id: `wamid.${newMediaId()}`,
    timestamp: secondsOf(view.now()),
    type: 'system',
    system: { body: 'The user id has changed', user_id: userId, type: 'user_changed_user_id' },
  });
  return changeValue(view, number, { messages: [message] });
}

function inboundChange(view: View, number: string, body: Inbound) {
  const { message, profileName, media, referralMedia } = body;
  const { waId, userId, name } = personOf(view, message.from);
  const checksIdentity = view.state.known(number).graphSettings?.checksIdentity === true;
  const { context, referral } = message as { context?: object; referral?: object };
  const mediaId = newMediaId();
  const contact = withoutUndefined({
    profile: { name: profileName ?? name ?? message.from },
    wa_id: waId,
    user_id: userId,
    identity_key_hash: checksIdentity ? view.people.identityOf(message.from) : undefined,
  });
  const told = withoutUndefined({
    from: waId,
    from_user_id: userId,
    id: wamidOf(message.id),
    timestamp: message.timestamp,
    ...contentOf(message, media && { ...media, id: mediaId }),
    context: context && withWamids(context),
    referral: referral && { ...referral, ...(referralMedia ? { media_type: referralMedia.kind } : {}) },
  });
  const kept: Entry[] = media
    ? [
        {
          type: 'graph-media',
          id: mediaId,
          media: { number, type: media.type, sha256: media.sha256, at: view.now(), isInbound: true },
        },
      ]
    : [];
  return { change: changeValue(view, number, { contacts: [contact], messages: [told] }), together: kept };
}

function contentOf(
  message: Inbound['message'],
  media: { readonly id: string; readonly type: string; readonly sha256: string } | undefined,
): Record<string, unknown> {
  const { type } = message;
  const content = message[type];
  if (PLAIN.has(type)) return { type, [type]: type === 'reaction' ? withWamids(content) : content };
  if (!MEDIA.has(type) || !media)
    return {
      type: 'unsupported',
      errors: [errorOf(131051, 'Message type is not currently supported')],
    };
  const name = type === 'voice' ? 'audio' : type;
  const about = {
    ...(content as object),
    mime_type: media.type,
    sha256: Buffer.from(media.sha256, 'hex').toString('base64'),
    id: media.id,
  };
  return { type: name, [name]: name === 'audio' ? { ...about, voice: type === 'voice' } : about };
}

/** Messages that a person quotes or reacts to, by their Cloud ids. */
const withWamids = (content: unknown): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries((content ?? {}) as object).map(([key, value]) => [
      key,
      (key === 'id' || key === 'message_id') && typeof value === 'string' ? wamidOf(value) : value,
    ]),
  );

const errorOf = (code: number, details: string) => ({
  code,
  title: graphErrorTitle(code),
  message: graphErrorTitle(code),
  error_data: { details },
  href: ERROR_PAGE,
});

const secondsOf = (ms: number): string => String(Math.floor(ms / 1000));

/** The status of a message that the business sent by the Graph API. */
export function stageChange(
  view: View,
  message: Outgoing & { readonly id: string },
  { stage, error }: Step,
): NewChange | undefined {
  const { id, number, to, graph } = message;
  if (!graph) return undefined;
  const { waId, userId, name } = personOf(view, to);
  const checksIdentity = view.state.known(number).graphSettings?.checksIdentity === true;
  const status = withoutUndefined({
    id: wamidOf(id),
    status: stage,
    timestamp: secondsOf(view.now()),
    recipient_id: waId,
    recipient_user_id: userId,
    recipient_identity_key_hash: checksIdentity ? view.people.identityOf(to) : undefined,
    biz_opaque_callback_data: graph.opaque,
    pricing: ['sent', 'delivered', 'read'].includes(stage) ? pricingOf(graph) : undefined,
    errors: error && [errorOf(cloudCode(error.code), detailsOf(error))],
  });
  const contact = withoutUndefined({ profile: name === undefined ? undefined : { name }, user_id: userId });
  return changeValue(view, number, {
    ...(waId === undefined ? { contacts: [contact] } : {}),
    statuses: [status],
  });
}

const detailsOf = ({ code, details }: NonNullable<Step['error']>): string =>
  typeof details === 'string' ? details : (DETAILS[cloudCode(code)] ?? graphErrorTitle(cloudCode(code)));

/** Of failures that people and their phones cause. */
const DETAILS: Readonly<Record<number, string>> = {
  131026: 'The person does not use WhatsApp, has an old version of it, or has not accepted its terms',
  131047: 'More than 24 hours have passed since the person last wrote; only templates reach them',
};

const pricingOf = ({ category, isFree }: NonNullable<Outgoing['graph']>) => ({
  billable: !isFree,
  pricing_model: 'PMP',
  type: isFree ? 'free_customer_service' : 'regular',
  category,
});
