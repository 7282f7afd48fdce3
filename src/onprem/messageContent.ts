import * as z from 'zod';
import { refuse, refuseMissing } from './refusalIssue.ts';

/** The content of messages: media, locations, contacts. Source: docs/onprem/api-messaging.md §2.4–2.6. */

const text = z.string();
const coordinate = (limit: number) => z.coerce.number().min(-limit).max(limit);

/** Exactly one of `id` and `link`. */
const oneSource =
  (kind: string) =>
  (
    { id, link }: { id?: string | undefined; link?: string | undefined },
    context: Parameters<typeof refuse>[0],
  ): void => {
    if (id === undefined && link === undefined) refuseMissing(context, kind, ['id', 'link']);
    else if (id !== undefined && link !== undefined)
      refuse(context, 1009, 'exactly one of id and link is needed');
  };

const source = {
  id: z.string().min(1).optional(),
  link: z
    .string()
    .regex(/^https?:\/\/\S+$/, 'must begin with http:// or https://')
    .optional(),
  provider: z.object({ name: z.string().min(1).max(200) }).optional(),
};
/** How long it may be depends on the version of the client. */
const caption = z.string().optional();

export const mediaObjects = {
  image: z.object({ ...source, caption }).superRefine(oneSource('image')),
  video: z.object({ ...source, caption }).superRefine(oneSource('video')),
  // Sources disagree about captions of documents. Older examples have one, so it is accepted.
  document: z
    .object({ ...source, caption, filename: z.string().optional() })
    .superRefine(oneSource('document')),
  audio: z.strictObject(source).superRefine(oneSource('audio')),
  sticker: z.strictObject(source).superRefine(oneSource('sticker')),
} as const;
export type MediaKind = keyof typeof mediaObjects;
const MEDIA_KINDS = Object.keys(mediaObjects) as MediaKind[];

/** The kind of a field of a message that holds a media object; undefined for any other field. */
export function mediaKindOf(key: string, value: unknown): MediaKind | undefined {
  const { id, link } = (value ?? {}) as { id?: unknown; link?: unknown };
  if (typeof id !== 'string' && typeof link !== 'string') return undefined;
  return MEDIA_KINDS.find((known) => known === key);
}

export const location = z.object({
  latitude: coordinate(90),
  longitude: coordinate(180),
  name: text.optional(),
  address: text.optional(),
});

const kind = z.string().max(32).optional();
/** One contact. `formatted_name` alone is not enough: one of the parts of the name is required. */
const contactCard = z.object({
  addresses: z
    .array(
      z
        .object({
          street: text,
          city: text,
          state: text,
          zip: text,
          country: text,
          country_code: text,
          type: kind,
        })
        .partial(),
    )
    .optional(),
  birthday: z
    .string()
    .regex(/^\d{4}-\d\d-\d\d$/, 'must be YYYY-MM-DD')
    .optional(),
  emails: z.array(z.object({ email: text, type: kind }).partial()).optional(),
  ims: z.array(z.object({ service: text, user_id: text }).partial()).optional(),
  name: z
    .object({
      formatted_name: z.string().min(1),
      first_name: text.optional(),
      last_name: text.optional(),
      middle_name: text.optional(),
      suffix: text.optional(),
      prefix: text.optional(),
    })
    .refine(
      ({ formatted_name: _, ...parts }) => Object.values(parts).some((part) => part !== undefined),
      'needs first_name, last_name, middle_name, suffix or prefix beside formatted_name',
    ),
  org: z.object({ company: text, department: text, title: text }).partial().optional(),
  phones: z.array(z.object({ phone: text, type: kind, wa_id: text }).partial()).optional(),
  urls: z.array(z.object({ url: text, type: kind }).partial()).optional(),
});
export const contactCards = z.array(contactCard).min(1);

export const reaction = z.object({ message_id: z.string().min(1), emoji: z.string().max(32) });
