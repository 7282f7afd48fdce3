import * as z from 'zod';
import { interactive } from './interactiveMessage.ts';
import {
  contactCards,
  location,
  type MediaKind,
  mediaKindOf,
  mediaObjects,
  reaction,
} from './messageContent.ts';
import { paramsOf, refuse, refuseInside, refuseMissing, valueAt } from './refusalIssue.ts';
import { hsm, isTemplate, template } from './templateMessage.ts';

/** `POST /v1/messages`. Source: docs/onprem/api-messaging.md §2. */

export const TEXT_LIMIT = 4096;
/** Days for which delivery of a template is tried. */
const TTL_DAYS = { least: 1, most: 30 } as const;

/** The shape of the object that each type requires. */
export const contents = {
  text: z.looseObject({
    body: z
      .string()
      .min(1)
      .superRefine((body, context) => {
        if (body.length > TEXT_LIMIT)
          refuse(context, 1001, `text.body is longer than ${TEXT_LIMIT} characters`);
      }),
  }),
  ...mediaObjects,
  location,
  contacts: contactCards,
  template,
  hsm,
  interactive,
  reaction,
} as const;
export type MessageType = keyof typeof contents;
const MESSAGE_TYPES = Object.keys(contents) as MessageType[];

/** Sources disagree about its JSON type: a number, numeric text and an object with one number are accepted. */
const ttl = z
  .union([
    z.coerce.number(),
    z.record(z.string(), z.coerce.number()).transform((value) => Object.values(value)[0]),
  ])
  .pipe(z.number().int().min(TTL_DAYS.least).max(TTL_DAYS.most));

/**
 * The type decides which object is required; the object of another type is superfluous (1010). Fields that the newest
 * pages take from the cloud product (`messaging_product`, `biz_opaque_callback_data`) are accepted and ignored.
 */
export const sendRequest = z
  .looseObject({
    to: z.string().min(1).optional(),
    /** In place of `to`, where the Cloud API is behind the stack: the business-scoped id of a person. */
    recipient: z.string().min(1).optional(),
    type: z.enum(MESSAGE_TYPES as [MessageType, ...MessageType[]]).default('text'),
    recipient_type: z.string().default('individual'),
    preview_url: z.boolean().optional(),
    ttl: ttl.optional(),
    context: z.looseObject({ message_id: z.string().min(1) }).optional(),
  })
  .superRefine((message, context) => {
    const { type, recipient_type } = message;
    if (message.to === undefined && message.recipient === undefined)
      return context.addIssue({ code: 'custom', message: 'is required', path: ['to'] });
    if (recipient_type !== 'individual') return refuse(context, 1002, 'recipient_type must be individual');
    if (message.ttl !== undefined && !isTemplate(type))
      refuse(context, 1010, 'ttl belongs to templates', ['ttl']);
    const surplus = MESSAGE_TYPES.find((other) => other !== type && message[other] !== undefined);
    if (surplus) refuse(context, 1010, `${surplus} does not belong to a message of type ${type}`, [surplus]);
    if (message[type] === undefined) return refuseMissing(context, type, [type], [type]);
    const parsed = contents[type].safeParse(message[type]);
    for (const issue of parsed.error?.issues ?? []) {
      const { apiCode, isWhole } = paramsOf(issue);
      const isMissing = apiCode === undefined && valueAt(message[type], issue.path) === undefined;
      const path = [type, ...issue.path];
      if ((isMissing || apiCode === 1008) && !isWhole)
        refuseMissing(context, type, [issue.path.join('.')], path);
      else refuseInside(context, [issue], [type]);
    }
  });
export type SendRequest = z.output<typeof sendRequest>;
/** A message as a client writes it. */
export type MessageToSend = z.input<typeof sendRequest>;

export const sendResponse = z.looseObject({
  messages: z.array(z.looseObject({ id: z.string() })).min(1),
  contacts: z.array(z.looseObject({ input: z.string(), wa_id: z.string() })).optional(),
});
/** `PUT /v1/messages/{id}`. */
export const markRead = z.object({ status: z.literal('read') });

/** A message as it is stored and sent: the content of its type, and the common fields. */
export function messageBody(request: SendRequest): Record<string, unknown> {
  const { type, to, recipient, preview_url, ttl: days, context } = request;
  return {
    [type]: request[type],
    ...(preview_url === undefined ? {} : { preview_url }),
    ...(days === undefined ? {} : { ttl: days }),
    ...(context === undefined ? {} : { context }),
    // A number goes before an id: it is what this API names people by.
    ...(to === undefined && recipient !== undefined ? { recipient } : {}),
  };
}

export interface MediaReference {
  readonly kind: MediaKind;
  readonly id?: string;
  readonly link?: string;
  readonly provider?: { readonly name: string };
}

/** All media objects of a message, those in headers of templates and interactive messages included. */
export function mediaReferences(request: Record<string, unknown>): MediaReference[] {
  const found: MediaReference[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      const kind = mediaKindOf(key, inner);
      if (kind) found.push({ kind, ...(inner as Omit<MediaReference, 'kind'>) });
      else visit(inner);
    }
  };
  visit(request);
  return found;
}

/** A WhatsApp id: digits only. Any phone number may be given, with or without + and punctuation. */
export function normaliseRecipient(to: string): string | undefined {
  const digits = to.replace(/[\s()+.-]/g, '');
  return /^[1-9][0-9]{5,14}$/.test(digits) ? digits : undefined;
}

/**
 * Message id of the documented structure: base64url of direction, `0x11`, the phone number in packed BCD,
 * `0x02`, and a random key of 9 (sent) or 10 (received) bytes. Source: docs/onprem/api-messaging.md §2.2.
 */
export function messageId(
  direction: 'outbound' | 'inbound',
  waId: string,
  randomBytes: (count: number) => Uint8Array,
): string {
  const odd = waId.length % 2 === 1;
  const phone = Buffer.from(odd ? `${waId}F` : waId, 'hex');
  const key = randomBytes(direction === 'outbound' ? 9 : 10);
  return Buffer.concat([
    Buffer.from([direction === 'outbound' ? 0x80 : 0x00, 0x11, phone.length | (odd ? 0x80 : 0)]),
    phone,
    Buffer.from([0x02, key.length]),
    key,
  ]).toString('base64url');
}

/** The random key in a message id, in upper-case hex; undefined for text that is not a message id. */
export const keyOfMessageId = (id: string): string | undefined => partsOfMessageId(id)?.key;

/** The phone number in a message id; undefined for text that is not a message id. */
export const peerOfMessageId = (id: string): string | undefined => partsOfMessageId(id)?.peer;

function partsOfMessageId(id: string): { peer: string; key: string } | undefined {
  const bytes = Buffer.from(id, 'base64url');
  const length = (bytes[2] ?? 0) & 0x7f;
  if (bytes.length < 5 + length || bytes[1] !== 0x11 || bytes[3 + length] !== 0x02) return undefined;
  const peer = bytes.toString('hex', 3, 3 + length).replace(/f$/, '');
  if (!/^[0-9]+$/.test(peer)) return undefined;
  return { peer, key: bytes.toString('hex', 5 + length).toUpperCase() };
}
