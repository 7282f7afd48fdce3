import { z } from 'zod';
import { normaliseRecipient } from '../../onprem/messages.ts';
import type { PersonalMessage } from './people.ts';

/** `voice` is a recording, `audio` an attached file. */
const MEDIA_TYPES = ['image', 'audio', 'voice', 'video', 'document', 'sticker'] as const;
const isMedia = (type: string): boolean => MEDIA_TYPES.some((known) => known === type);
/** Reactions are inferred: the sources name them only for messages of a business. */
const OTHER_TYPES = [
  'text',
  'location',
  'contacts',
  'button',
  'interactive',
  'order',
  'reaction',
  'unknown',
] as const;

const mimeType = z.string().max(128);

/** A message of a person: a text, or any type with its content; media with its bytes. */
export const inbound = z
  .looseObject({
    from: z.string().transform((from, context) => {
      const waId = normaliseRecipient(from);
      if (waId === undefined) context.addIssue({ code: 'custom', message: 'is no phone number' });
      return waId ?? '';
    }),
    type: z.enum([...MEDIA_TYPES, ...OTHER_TYPES]).default('text'),
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
      message.type === 'unknown' ||
      (message.type === 'text' && typeof content === 'string') ||
      (typeof content === 'object' && content !== null)
    );
  }, 'needs {"from": "<number>", "text": "..."}, or {"from", "type", "<type>": {...}}');

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
