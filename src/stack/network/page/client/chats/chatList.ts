import { summary } from '../content/summary.ts';
import type { ChatHead, Model } from '../model.ts';
import { avatar } from '../shell/avatar.ts';
import { emptyState } from '../shell/controls.ts';
import { element } from '../shell/element.ts';
import { keyedList } from '../shell/keyedList.ts';
import { addressOf } from '../shell/router.ts';
import { shortTime } from '../shell/time.ts';

interface Entry extends ChatHead {
  readonly name: string;
  readonly isChosen: boolean;
  readonly isNew: boolean;
}

/** The chats of a number, and below them people who have none yet. */
export class ChatList {
  readonly #model: Model;
  readonly #list: HTMLElement;
  /** By person: the last message that was looked at. */
  readonly #seen = new Map<string, string | undefined>();

  constructor(model: Model, list: HTMLElement) {
    this.#model = model;
    this.#list = list;
  }

  show(chosen: string, filter: string): void {
    const { chats, people } = this.#model;
    const heads = new Map<string, ChatHead>(chats.map((chat) => [chat.waId, chat]));
    for (const waId of [chosen, ...people.keys()]) if (waId && !heads.has(waId)) heads.set(waId, { waId });
    this.#seen.set(chosen, heads.get(chosen)?.last?.id);
    const entries = [...heads.values()]
      .map((head) => this.#entry(head, chosen))
      .filter(({ name, waId }) => `${name} +${waId}`.toLowerCase().includes(filter.trim().toLowerCase()));
    keyedList(this.#list, entries, { keyOf: ({ waId }) => waId, draw: (entry) => this.#draw(entry) });
    if (entries.length > 0) return;
    this.#list.replaceChildren(
      filter === ''
        ? emptyState(
            'person',
            'Nobody here yet',
            'Add a person with the button above and write as them, or let your application send a message.',
          )
        : emptyState('search', 'Nobody found', `No name and no number contains “${filter}”.`),
    );
  }

  #entry(head: ChatHead, chosen: string): Entry {
    const { waId, last } = head;
    // What was there before the page was opened counts as seen.
    if (!this.#seen.has(waId)) this.#seen.set(waId, last?.id);
    const isNew = last?.direction === 'out' && this.#seen.get(waId) !== last.id;
    return { ...head, name: this.#model.nameOf(waId), isChosen: waId === chosen, isNew };
  }

  #draw({ waId, last, name, profileName, isChosen, isNew }: Entry): HTMLElement {
    const text = last ? summary(last, this.#model.templates) : `+${waId}`;
    const link = element(
      'a',
      {
        href: addressOf('chats', waId),
        className: isNew ? 'chat-entry new' : 'chat-entry',
        ariaCurrent: isChosen ? 'true' : null,
      },
      avatar(waId, profileName ?? this.#model.people.get(waId)?.profileName),
      element('span', { className: 'name', textContent: name }),
      last && element('time', { textContent: shortTime(last.atMs, this.#model.now()) }),
      element('span', { className: 'last', textContent: text }),
      isNew && element('span', { className: 'dot', role: 'img', ariaLabel: 'new message' }),
    );
    return element('li', {}, link);
  }
}
