import type { ChatMessage } from '../../../chats.ts';
import { aboutMessage, ownContent } from '../content/ownContent.ts';
import { dayName, isSameDay } from '../shell/time.ts';

interface Reaction {
  readonly emoji: string;
  /** Who reacted: in is the person, out the business. */
  readonly direction: ChatMessage['direction'];
}
export type ConversationItem =
  | { readonly kind: 'day' | 'note'; readonly key: string; readonly text: string }
  | {
      readonly kind: 'message';
      readonly key: string;
      readonly message: ChatMessage;
      readonly reactions: readonly Reaction[];
      /** The message that it answers; null for one that is no longer known. */
      readonly quoted: ChatMessage | null | undefined;
      /** Whether it begins a run of messages of the same side. */
      readonly isFirst: boolean;
    };

/** Messages of one side within this time look like one run. */
const RUN_MS = 5 * 60_000;

/** A conversation as it is shown: days between the messages, and reactions at the messages that they are about. */
export function conversationItems(messages: readonly ChatMessage[], nowMs: number): ConversationItem[] {
  const known = new Map(messages.map((message) => [message.id, message]));
  const reactions = reactionsOf(messages);
  const items: ConversationItem[] = [];
  let before: ChatMessage | undefined;
  for (const message of messages) {
    const about = aboutMessage(message);
    // A reaction to a message that is no longer kept has no place of its own.
    if (message.type === 'reaction' && about !== undefined && known.has(about)) continue;
    const isNewDay = before === undefined || !isSameDay(before.atMs, message.atMs);
    if (isNewDay)
      items.push({ kind: 'day', key: `day of ${message.id}`, text: dayName(message.atMs, nowMs) });
    if (message.type === 'system') {
      const { body } = ownContent<{ body: string }>(message);
      items.push({ kind: 'note', key: message.id, text: String(body ?? '') });
    } else
      items.push({
        kind: 'message',
        key: message.id,
        message,
        reactions: reactions.get(message.id) ?? [],
        quoted: about === undefined || message.type === 'reaction' ? undefined : (known.get(about) ?? null),
        isFirst: isNewDay || !isSameRun(before, message),
      });
    before = message;
  }
  return items;
}

const isSameRun = (before: ChatMessage | undefined, { direction, atMs }: ChatMessage): boolean =>
  before?.type !== 'system' && before?.direction === direction && atMs - before.atMs < RUN_MS;

/** By message: each side has one reaction, its last one; an empty emoji takes it back. */
function reactionsOf(messages: readonly ChatMessage[]): Map<string, Reaction[]> {
  const found = new Map<string, Reaction[]>();
  for (const message of messages) {
    if (message.type !== 'reaction') continue;
    const { message_id: about, emoji } = ownContent<{ message_id: string; emoji: string }>(message);
    if (about === undefined) continue;
    const { direction } = message;
    const others = (found.get(about) ?? []).filter((reaction) => reaction.direction !== direction);
    found.set(about, emoji ? [...others, { emoji: String(emoji), direction }] : others);
  }
  return found;
}
