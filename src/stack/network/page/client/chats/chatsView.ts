import type { Model } from '../model.ts';
import { avatar } from '../shell/avatar.ts';
import { byId } from '../shell/element.ts';
import { guarded } from '../shell/notices.ts';
import { go, type View } from '../shell/router.ts';
import { ChatList } from './chatList.ts';
import { Composer } from './composer.ts';
import { Conversation } from './conversation.ts';
import { askNewPerson } from './newPerson.ts';
import { PersonPanel } from './personPanel.ts';

/** There is room for three panes. */
const WIDE = matchMedia('(min-width: 75rem)');

/** Chats as on a phone. `data-pane` says which part a narrow screen shows: list, chat or person. */
export function chatsView(model: Model): View {
  const root = byId('chats', HTMLElement);
  const search = byId('chat-filter', HTMLInputElement);
  const list = new ChatList(model, byId('chat-list', HTMLElement));
  const composer: Composer = new Composer(model, () => conversation.toEnd());
  const conversation = new Conversation({
    model,
    list: byId('messages', HTMLElement),
    onReply: (message) => composer.replyTo(message),
  });
  const panel = new PersonPanel(model, byId('person', HTMLElement));
  let waId = '';
  let hasPanel = WIDE.matches;
  const refresh = async () => {
    list.show(waId, search.value);
    byId('chat-none', HTMLElement).hidden = waId !== '';
    byId('chat', HTMLElement).hidden = waId === '';
    if (waId === '') return;
    byId('compose', HTMLFormElement).hidden = model.number === '';
    showTitle(model, waId);
    panel.show(waId);
    await conversation.show(waId);
  };
  search.addEventListener('input', () => list.show(waId, search.value));
  byId('new-person', HTMLButtonElement).addEventListener('click', askNewPerson);
  byId('chat-back', HTMLButtonElement).addEventListener('click', () => go('chats'));
  const details = byId('person-toggle', HTMLButtonElement);
  details.addEventListener('click', () => {
    hasPanel = root.dataset.pane !== 'person';
    root.dataset.pane = hasPanel ? 'person' : 'chat';
    details.ariaExpanded = String(hasPanel);
  });
  byId('person-close', HTMLButtonElement).addEventListener('click', () => details.click());
  return {
    refresh,
    show: guarded(async ([chosen = '']: readonly string[]) => {
      const isOther = chosen !== waId;
      waId = chosen;
      // A narrow screen shows one pane: the chat first.
      if (isOther) root.dataset.pane = waId === '' ? 'list' : hasPanel && WIDE.matches ? 'person' : 'chat';
      details.ariaExpanded = String(root.dataset.pane === 'person');
      composer.show(waId);
      const shown = refresh();
      // What somebody types meanwhile is the message.
      if (isOther && waId !== '') composer.focus();
      await shown;
    }),
  };
}

function showTitle(model: Model, waId: string): void {
  const name = model.nameOf(waId);
  const person = model.people.get(waId);
  byId('chat-title', HTMLElement).textContent = name;
  byId('chat-number', HTMLElement).textContent = [
    name === `+${waId}` ? '' : `+${waId}`,
    person?.behaviour.blocks ? 'has blocked the business' : '',
    person?.behaviour.hasWhatsApp === false ? 'does not use WhatsApp' : '',
  ]
    .filter(Boolean)
    .join(' · ');
  byId('chat-avatar', HTMLElement).replaceChildren(avatar(waId, person?.profileName));
}
