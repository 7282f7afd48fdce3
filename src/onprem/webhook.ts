import * as z from 'zod';
import { apiErrorBody } from './envelope.ts';

/** `sending` is no status of the On-Premises product. Source: docs/onprem/cloud-migration.md §17.5. */
export const messageStatus = z.enum(['sent', 'delivered', 'read', 'failed', 'deleted', 'warning', 'sending']);
export type MessageStatus = z.output<typeof messageStatus>;

const statusEntry = z.looseObject({
  id: z.string(),
  recipient_id: z.string().optional(),
  message: z.looseObject({ recipient_id: z.string() }).optional(),
  status: messageStatus,
  timestamp: z.string(),
  type: z.string().optional(),
  errors: z.array(apiErrorBody).optional(),
});

export const inboundMessage = z.looseObject({
  from: z.string(),
  id: z.string(),
  timestamp: z.string(),
  type: z.string(),
  text: z.looseObject({ body: z.string() }).optional(),
});
export type InboundMessage = z.output<typeof inboundMessage>;

/** What the stack posts to `webhooks.url`: flat, every key optional. Source: docs/onprem/api-messaging.md §8. */
export const callback = z.looseObject({
  contacts: z
    .array(
      z.looseObject({
        /** Absent only for people who show no number to the Cloud API. */
        wa_id: z.string().optional(),
        profile: z.looseObject({ name: z.string().optional() }).optional(),
      }),
    )
    .optional(),
  messages: z.array(inboundMessage).optional(),
  statuses: z.array(statusEntry).optional(),
  errors: z.array(apiErrorBody).optional(),
  /** Media that `GET /v1/media/{id}/download` has asked for. */
  media_items: z.array(z.looseObject({ type: z.string() })).optional(),
});
export type Callback = z.output<typeof callback>;
