import type { ChatMessage } from '../../../chats.ts';
import { type ContentOptions, messageContent } from '../content/messageContent.ts';
import { summary } from '../content/summary.ts';
import { errorLink } from '../content/textNodes.ts';
import { iconButton, spoken } from '../shell/controls.ts';
import { element } from '../shell/element.ts';
import { dateAndTime, timeOfDay } from '../shell/time.ts';
import type { ConversationItem } from './conversationItems.ts';

export interface BubbleOptions extends ContentOptions {
  readonly personName: string;
  /** Opens the menu of the message at this button. */
  readonly onMenu: (button: HTMLElement) => unknown;
  /** Shows another message of the chat. */
  readonly onJump: (id: string) => unknown;
}

const TICKS: Readonly<Record<string, string>> = {
  sent: '✓',
  delivered: '✓✓',
  read: '✓✓',
  failed: '✕',
  deleted: '⌫',
  warning: '!',
};

/** A message with what it answers, its reactions, its time and its status. */
export function bubble(
  { message, reactions, quoted, isFirst }: Extract<ConversationItem, { kind: 'message' }>,
  options: BubbleOptions,
): HTMLElement {
  const { id, direction, type } = message;
  const side = direction === 'in' ? 'person' : 'business';
  const content = element(
    'div',
    { className: 'bubble' },
    quoted !== undefined && quote(quoted, options),
    ...messageContent(message, options),
    meta(message),
    failure(message),
    iconButton('chevron', 'Message actions', ({ currentTarget }) =>
      options.onMenu(currentTarget as HTMLElement),
    ),
  );
  const line = element('li', {
    className: `${side} type-${type}${isFirst ? ' first' : ''}`,
    dataset: { id },
  });
  line.append(content);
  if (reactions.length > 0) {
    const names = reactions.map(
      (reaction) =>
        `${reaction.direction === 'in' ? options.personName : 'The business'} reacted with ${reaction.emoji}`,
    );
    const emoji = reactions.map((reaction) => element('span', { textContent: reaction.emoji }));
    line.append(
      element(
        'div',
        { className: 'reactions', role: 'img', ariaLabel: names.join(', '), title: names.join('\n') },
        ...emoji,
      ),
    );
  }
  return line;
}

function quote(quoted: ChatMessage | null, { personName, templates, onJump }: BubbleOptions): HTMLElement {
  if (!quoted) return element('div', { className: 'quoted' }, 'A message that is no longer kept');
  const isPerson = quoted.direction === 'in';
  return element(
    'button',
    {
      type: 'button',
      className: `quoted ${isPerson ? 'person' : 'business'}`,
      onclick: () => onJump(quoted.id),
    },
    element('strong', { textContent: isPerson ? personName : 'The business' }),
    element('span', { textContent: summary(quoted, templates) }),
  );
}

function meta({ atMs, status, direction }: ChatMessage): HTMLElement {
  const told = direction === 'in' && status === 'sent' ? 'not read by the business' : status;
  return element(
    'div',
    { className: `meta ${status}`, title: `${dateAndTime(atMs)}: ${told}` },
    element('time', { textContent: timeOfDay(atMs), dateTime: new Date(atMs).toISOString() }),
    element('span', { className: 'ticks', textContent: TICKS[status] ?? '', ariaHidden: 'true' }),
    spoken(told),
  );
}

const failure = ({ status, error }: ChatMessage): HTMLElement | undefined =>
  error &&
  element(
    'p',
    { className: status === 'warning' ? 'warning' : 'failure' },
    errorLink(error.code, `${error.code} ${error.title}`),
  );
