import type { ChatMessage } from '../../../chats.ts';
import { summary } from '../content/summary.ts';
import { type MenuPart, openMenu } from '../shell/menu.ts';
import { copy } from '../shell/notices.ts';
import { go } from '../shell/router.ts';

const EMOJI = ['👍', '❤️', '😂', '😮', '😢', '🙏'];

export interface BubbleActions {
  readonly react: (emoji: string) => unknown;
  readonly reply: () => unknown;
  /** Whether the person has reacted. */
  readonly hasReaction: boolean;
}

/** What the person can do with a message: react, answer, and find out what the webhook was told of it. */
export function openBubbleMenu(
  anchor: HTMLElement,
  message: ChatMessage,
  { react, reply, hasReaction }: BubbleActions,
): void {
  const row = EMOJI.map((emoji) => ({ label: emoji, onSelect: () => react(emoji) }));
  const parts: MenuPart[] = [
    { row },
    [
      ...(hasReaction
        ? [{ label: 'Take reaction back', icon: 'face', onSelect: () => react('') } as const]
        : []),
      { label: 'Reply', icon: 'reply', onSelect: reply },
      { label: 'Copy text', icon: 'copy', onSelect: () => copy(summary(message), 'the text') },
      { label: 'Copy message id', icon: 'copy', onSelect: () => copy(message.id, 'the id') },
      { label: 'Show webhooks', icon: 'webhook', onSelect: () => go('webhooks', '', message.id) },
    ],
  ];
  openMenu(anchor, 'Message actions', ...parts);
}
