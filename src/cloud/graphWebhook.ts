import { createHmac, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import { graphError } from './graphErrors.ts';

/** What Graph posts to a webhook. Source: docs/onprem/cloud-migration.md §8, §9, §17.4, §17.5. */

const graphContact = z.looseObject({
  wa_id: z.string().optional(),
  user_id: z.string().optional(),
  profile: z.looseObject({ name: z.string().optional() }).optional(),
  identity_key_hash: z.string().optional(),
});
export type GraphContact = z.output<typeof graphContact>;

const graphInbound = z.looseObject({
  from: z.string().optional(),
  from_user_id: z.string().optional(),
  id: z.string(),
  timestamp: z.string(),
  type: z.string(),
});
export type GraphInbound = z.output<typeof graphInbound>;

const graphStatus = z.looseObject({
  id: z.string(),
  recipient_id: z.string().optional(),
  status: z.string(),
  timestamp: z.string(),
  biz_opaque_callback_data: z.string().optional(),
  errors: z.array(graphError).optional(),
  pricing: z
    .looseObject({
      billable: z.boolean(),
      pricing_model: z.string(),
      category: z.string(),
      type: z.string().optional(),
    })
    .optional(),
  conversation: z.looseObject({ id: z.string() }).optional(),
});
export type GraphStatus = z.output<typeof graphStatus>;

const graphValue = z.looseObject({
  metadata: z.looseObject({ phone_number_id: z.string() }).optional(),
  contacts: z.array(graphContact).optional(),
  messages: z.array(graphInbound).optional(),
  statuses: z.array(graphStatus).optional(),
});
export type GraphValue = z.output<typeof graphValue>;

const graphWebhook = z.object({
  object: z.literal('whatsapp_business_account'),
  entry: z.array(
    z.looseObject({ changes: z.array(z.looseObject({ field: z.string(), value: z.unknown() })) }),
  ),
});

/** The changes of messages of one number in a webhook, and how many others there are. @throws ZodError */
export function messageChanges(
  body: unknown,
  phoneNumberId: string,
): { readonly values: readonly GraphValue[]; readonly others: number } {
  const changes = graphWebhook.parse(body).entry.flatMap((entry) => entry.changes);
  const values = changes
    .filter(({ field }) => field === 'messages')
    .map(({ value }) => graphValue.parse(value))
    .filter(({ metadata }) => metadata?.phone_number_id === phoneNumberId);
  return { values, others: changes.length - values.length };
}

/** Whether the header `x-hub-signature-256` is that of these very bytes: the sender escapes text in its own way. */
export function isSigned(body: Uint8Array, header: string | undefined, appSecret: string): boolean {
  const expected = Buffer.from(`sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`);
  const given = Buffer.from(header ?? '');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
