import type { ApiErrorBody } from './envelope.ts';
import type { InboundMessage } from './webhook.ts';

/** Types of messages of people that the client knows. Source: docs/onprem/api-messaging.md §8.4. */
export const INBOUND_MEDIA = ['image', 'audio', 'voice', 'video', 'document', 'sticker'] as const;
/** Reactions are inferred: the sources name them only for messages of a business. */
export const INBOUND_OTHERS = [
  'text',
  'location',
  'contacts',
  'button',
  'interactive',
  'order',
  'system',
  'reaction',
] as const;
const KNOWN: ReadonlySet<string> = new Set([...INBOUND_MEDIA, ...INBOUND_OTHERS]);

const UNKNOWN_TYPE: ApiErrorBody = {
  code: 501,
  title: 'Unknown message type',
  details: 'Message type is not currently supported',
};

/** A message as the client reports it: one of a type that it does not know has no content. */
export function reported(message: InboundMessage): InboundMessage {
  const { type, [type]: _, ...rest } = message;
  return KNOWN.has(type) ? message : { ...(rest as InboundMessage), type: 'unknown', errors: [UNKNOWN_TYPE] };
}
