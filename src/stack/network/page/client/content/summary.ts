import type { ChatMessage } from '../../../chats.ts';
import type { Template } from '../model.ts';
import { ownContent } from './ownContent.ts';
import { plainText } from './richText.ts';
import { filledTemplate, type SentTemplate } from './templateText.ts';

interface AnyContent {
  readonly body: string | { readonly text?: string };
  readonly caption: string;
  readonly filename: string;
  readonly name: string;
  readonly emoji: string;
  readonly text: string;
  readonly button_reply: { readonly title?: string };
  readonly list_reply: { readonly title?: string };
}

const KINDS: Readonly<Record<string, string>> = {
  image: '📷 Photo',
  video: '🎥 Video',
  audio: '🎵 Audio',
  voice: '🎤 Voice message',
  document: '📄 Document',
  sticker: '🌟 Sticker',
  location: '📍 Location',
  contacts: '👤 Contact',
  order: '🛒 Order',
  unknown: 'Message of an unknown type',
};

/** A message in one line: in the list of chats, in a quote, in what a search finds. */
export function summary(message: ChatMessage, templates: readonly Template[] = []): string {
  const { type } = message;
  const own = ownContent<AnyContent>(message);
  if (type === 'template' || type === 'hsm') {
    const { body, name } = filledTemplate(own as SentTemplate, templates);
    return plainText(body) || `Template ${name}`;
  }
  if (type === 'reaction') return own.emoji ? `Reacted ${own.emoji}` : 'Took a reaction back';
  if (type === 'contacts') return contactSummary(own);
  const words = own.caption ?? own.filename ?? (type === 'location' ? own.name : undefined);
  const kind = KINDS[type];
  if (kind !== undefined) return words ? `${kind.split(' ')[0]} ${plainText(words)}` : kind;
  const reply = own.button_reply?.title ?? own.list_reply?.title;
  const text = reply ?? (typeof own.body === 'object' ? own.body?.text : own.body) ?? own.text;
  return typeof text === 'string' && text !== '' ? plainText(text) : `Message of type ${type}`;
}

function contactSummary(own: unknown): string {
  const [first] = Array.isArray(own) ? own : [];
  const name = (first as { name?: { formatted_name?: unknown } } | undefined)?.name?.formatted_name;
  return typeof name === 'string' ? `👤 ${name}` : '👤 Contact';
}
