import type { ChatMessage } from '../../../chats.ts';
import type { Model } from '../model.ts';
import { call } from '../shell/call.ts';
import { element } from '../shell/element.ts';
import { keyedList } from '../shell/keyedList.ts';
import { guarded } from '../shell/notices.ts';
import { bubble } from './bubble.ts';
import { openBubbleMenu } from './bubbleMenu.ts';
import { type ConversationItem, conversationItems } from './conversationItems.ts';

/** Closer to the end than this, the newest message stays in sight when another one comes. */
const NEAR_END_PX = 120;
const HIGHLIGHT_MS = 1_600;

export interface ConversationOptions {
  readonly model: Model;
  readonly list: HTMLElement;
  /** The person answers this message with the next one. */
  readonly onReply: (message: ChatMessage) => unknown;
}

/** The messages of one chat, at its end until somebody scrolls back. */
export class Conversation {
  readonly #options: ConversationOptions;
  #waId = '';
  #isAtEnd = true;

  constructor(options: ConversationOptions) {
    this.#options = options;
    const { list } = options;
    list.addEventListener('scroll', () => {
      this.#isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_END_PX;
    });
    // Pictures and players have their size only once they are loaded.
    for (const loaded of ['load', 'loadedmetadata'])
      list.addEventListener(loaded, () => this.#stay(), { capture: true });
  }

  /** Shows the newest message, unless somebody reads older ones. */
  #stay(): void {
    const { list } = this.#options;
    if (this.#isAtEnd) list.scrollTop = list.scrollHeight;
  }

  /** The person has written. */
  toEnd(): void {
    this.#isAtEnd = true;
    this.#stay();
  }

  async show(waId: string): Promise<void> {
    const { model, list } = this.#options;
    if (waId !== this.#waId) this.#isAtEnd = true;
    this.#waId = waId;
    if (!model.number)
      return void list.replaceChildren(
        element('li', { className: 'note' }, element('span', { textContent: 'No number is registered yet' })),
      );
    const { messages } = await call('GET /numbers/{number}/chats/{waId}', {
      params: { number: model.number, waId },
    });
    if (waId !== this.#waId) return;
    // Whether the person has a name, and templates a text, changes what is drawn.
    const around = JSON.stringify([waId, model.nameOf(waId), model.templates]);
    keyedList(list, conversationItems(messages, model.now()), {
      keyOf: ({ key }) => key,
      draw: (item) => this.#draw(item),
      versionOf: (item) => JSON.stringify(item) + around,
    });
    this.#stay();
  }

  #draw(item: ConversationItem): HTMLElement {
    if (item.kind !== 'message')
      return element('li', { className: item.kind }, element('span', { textContent: item.text }));
    const { model, onReply } = this.#options;
    const { message, reactions } = item;
    const { id } = message;
    const waId = this.#waId;
    const context = { from: model.number, id };
    const react = guarded((emoji: string) =>
      model.write(waId, { type: 'reaction', reaction: { message_id: id, emoji } }),
    );
    return bubble(item, {
      personName: model.nameOf(waId),
      templates: model.templates,
      answer: guarded((answer) => model.write(waId, { ...answer, context })),
      onJump: (target) => this.#jump(target),
      onMenu: (button) =>
        openBubbleMenu(button, message, {
          react,
          reply: () => onReply(message),
          hasReaction: reactions.some(({ direction }) => direction === 'in'),
        }),
    });
  }

  #jump(id: string): void {
    const target = [...this.#options.list.children].find(
      (line) => line instanceof HTMLElement && line.dataset.id === id,
    );
    target?.scrollIntoView({ block: 'center', behavior: 'smooth' });
    target?.classList.add('highlight');
    setTimeout(() => target?.classList.remove('highlight'), HIGHLIGHT_MS);
  }
}
