import * as z from 'zod';

/** `POST /v1/contacts` and identities. Source: docs/onprem/api-messaging.md §4. */

export const contactsRequest = z.object({
  contacts: z.array(z.string()).min(1),
  blocking: z.enum(['wait', 'no_wait']).default('no_wait'),
  force_check: z.boolean().default(false),
});
export const contactStatus = z.enum(['valid', 'processing', 'invalid', 'failed']);
export type ContactStatus = z.output<typeof contactStatus>;
export const contactsResponse = z.looseObject({
  contacts: z.array(
    z.looseObject({ input: z.string(), status: contactStatus, wa_id: z.string().optional() }),
  ),
});

/** `PUT /v1/contacts/{wa_id}/identity`. */
export const identityRequest = z.object({ hash: z.string().min(1) });
/** `contacts` is an object here, and the time in milliseconds. */
export const identity = z.object({
  hash: z.string(),
  created_timestamp: z.number(),
  acknowledged: z.boolean(),
});
export type Identity = z.output<typeof identity>;
export const identityResponse = z.looseObject({ contacts: identity });
