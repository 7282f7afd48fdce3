import * as z from 'zod';
import { INBOUND_MEDIA, INBOUND_OTHERS } from '../../onprem/inboundType.ts';
import { isLegalType } from '../../onprem/media.ts';
import { normaliseRecipient, TEXT_LIMIT } from '../../onprem/messages.ts';
import type { PersonalMessage } from './people.ts';

/** `voice` is a recording, `audio` an attached file. */
const isMedia = (type: string): boolean => INBOUND_MEDIA.some((known) => known === type);
/** Their content, if any, is nothing that the client reports. */
const needsContent = (type: string): boolean => INBOUND_OTHERS.some((known) => known === type);

/** Fields of the message itself. */
const RESERVED: ReadonlySet<string> = new Set([
  'from',
  'id',
  'timestamp',
  'type',
  'context',
  'referral',
  'errors',
  'data',
]);

const mimeType = z.string().max(128).refine(isLegalType, 'is no content type');

/** Not found in any source, except for texts. An event with such a message fits into a frame many times. */
const LONGEST = { text: TEXT_LIMIT, message: 64 * 1024 } as const;

/** What is wrong with the size of a message; undefined for one that can be delivered. Its media counts nothing. */
function sizeProblem({ data, referralMedia, ...message }: Record<string, unknown>): string | undefined {
  const body = textOf(message);
  if (typeof body === 'string' && body.length > LONGEST.text)
    return `the text is longer than ${LONGEST.text} characters`;
  if (JSON.stringify(message).length > LONGEST.message)
    return `the message is longer than ${LONGEST.message} characters, media not counted`;
  return undefined;
}

/** A message of a person: a text, or any type with its content; media with its bytes. */
export const inbound = z
  .looseObject({
    from: z.string().transform((from, context) => {
      const waId = normaliseRecipient(from);
      if (waId === undefined) context.addIssue({ code: 'custom', message: 'is no phone number' });
      return waId ?? '';
    }),
    /** A type that the client does not know arrives as `unknown`. */
    type: z
      .string()
      .regex(/^[a-z][a-z_]{0,39}$/, 'a type is a word in small letters')
      .refine((type) => type !== 'system' && !RESERVED.has(type), 'is no type of a message that people write')
      .default('text'),
    profileName: z.string().max(256).optional(),
    context: z.record(z.string(), z.unknown()).optional(),
    /** For media: the bytes and their content type. */
    data: z.base64().optional(),
    mime_type: mimeType.optional(),
    /** The ad that they came from: `source_url`, `source_type`, `source_id`, `headline`, `body`. */
    referral: z.looseObject({ source_url: z.string() }).optional(),
    referralMedia: z
      .strictObject({ kind: z.enum(['image', 'video']), data: z.base64(), mime_type: mimeType })
      .optional(),
  })
  .refine(
    ({ type, data, mime_type }) => !isMedia(type) || (data !== undefined && mime_type !== undefined),
    'media needs data (base64) and mime_type',
  )
  .refine((message) => {
    const content = message[message.type];
    return (
      isMedia(message.type) ||
      !needsContent(message.type) ||
      (message.type === 'text' && typeof content === 'string') ||
      (typeof content === 'object' && content !== null)
    );
  }, 'needs {"from": "<number>", "text": "..."}, or {"from", "type", "<type>": {...}}')
  // Every event is parsed by this shape at the Coreapp: one that does not fit would end its session for ever.
  .refine(
    ({ type, ...message }) => type !== 'text' || typeof textOf(message) === 'string',
    'text needs a text, or {"body": "..."}',
  )
  .superRefine((message, context) => {
    const problem = sizeProblem(message);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

const textOf = ({ text }: Record<string, unknown>): unknown =>
  typeof text === 'string' ? text : (text as { body?: unknown } | null | undefined)?.body;

const bytes = ({ data, mime_type: type }: { data: string; mime_type: string }) => ({
  type,
  data: Buffer.from(data, 'base64'),
});

/** A message to `to`, from the body of a call of the control API. */
export function personalMessage(to: string, body: z.output<typeof inbound>): PersonalMessage {
  const { from, type, profileName, context, data, mime_type, referral, referralMedia } = body;
  const own = body[type];
  return {
    from,
    to,
    type,
    content: (typeof own === 'string' ? { body: own } : (own ?? {})) as Record<string, unknown>,
    media: data !== undefined && mime_type !== undefined ? bytes({ data, mime_type }) : undefined,
    context,
    referral,
    referralMedia: referralMedia && { kind: referralMedia.kind, ...bytes(referralMedia) },
    profileName,
  };
}
