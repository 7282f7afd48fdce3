import { z } from 'zod';
import { apiErrorBody } from './envelope.ts';

export const messageStatus = z.enum(['sent', 'delivered', 'read', 'failed', 'deleted', 'warning']);
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
        wa_id: z.string(),
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
