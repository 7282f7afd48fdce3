import { describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../../chats.ts';
import { conversationItems } from './conversationItems.ts';

const NOON = new Date(2026, 2, 10, 12).getTime();
const HOUR = 3_600_000;
let count = 0;
const message = (more: Partial<ChatMessage> = {}): ChatMessage => ({
  id: `m${count++}`,
  direction: 'out',
  atMs: NOON,
  type: 'text',
  content: { text: { body: 'Hi' } },
  media: [],
  status: 'sent',
  ...more,
});
const reaction = (about: string, emoji: string, direction: 'in' | 'out'): ChatMessage => {
  const content = { message_id: about, emoji };
  return message({
    type: 'reaction',
    direction,
    content: direction === 'in' ? content : { reaction: content },
  });
};
const messagesIn = (messages: ChatMessage[]) =>
  conversationItems(messages, NOON).flatMap((item) => (item.kind === 'message' ? [item] : []));

describe('a conversation', () => {
  it('has the day above the first message of each day', () => {
    const days = [-50 * HOUR, -24 * HOUR, 0, 1].map((afterMs) => message({ atMs: NOON + afterMs }));
    const items = conversationItems(days, NOON);
    expect(items.map((item) => (item.kind === 'day' ? item.text : item.kind))).toEqual([
      expect.stringContaining('2026'),
      'message',
      'Yesterday',
      'message',
      'Today',
      'message',
      'message',
    ]);
  });

  it('shows the last reaction of each side at the message, and none that was taken back', () => {
    const [first, second] = [message(), message()];
    const items = messagesIn([
      first,
      second,
      reaction(first.id, '👍', 'in'),
      reaction(first.id, '❤️', 'in'),
      reaction(first.id, '🙏', 'out'),
      reaction(second.id, '👍', 'in'),
      reaction(second.id, '', 'in'),
    ]);
    expect(items.map(({ reactions }) => reactions.map(({ emoji }) => emoji))).toEqual([['❤️', '🙏'], []]);
  });

  it('shows a reaction by itself where the message is no longer known', () => {
    expect(messagesIn([reaction('forgotten', '👍', 'in')])).toHaveLength(1);
  });

  it('quotes what a message answers, from either side', () => {
    const first = message();
    const [, person, business, lost] = messagesIn([
      first,
      message({ direction: 'in', content: { body: 'Hi' }, context: { id: first.id } }),
      message({ content: { text: { body: 'Hi' }, context: { message_id: first.id } } }),
      message({ direction: 'in', content: { body: 'Hi' }, context: { id: 'forgotten' } }),
    ]);
    expect([person?.quoted, business?.quoted, lost?.quoted]).toEqual([first, first, null]);
  });

  it('has runs of messages of one side, which end after a while', () => {
    const items = messagesIn([
      message(),
      message({ atMs: NOON + 1 }),
      message({ atMs: NOON + 2, direction: 'in' }),
      message({ atMs: NOON + HOUR, direction: 'in' }),
    ]);
    expect(items.map(({ isFirst }) => isFirst)).toEqual([true, false, true, true]);
  });

  it('tells of events between the messages', () => {
    const told = message({ type: 'system', direction: 'in', content: { body: 'Ana has a new number' } });
    expect(conversationItems([told], NOON)).toMatchObject([
      { kind: 'day' },
      { kind: 'note', text: 'Ana has a new number' },
    ]);
  });
});
