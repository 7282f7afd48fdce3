import { badge } from '../inspect/recordTools.ts';
import type { Model } from '../model.ts';
import { call } from '../shell/call.ts';
import { hint } from '../shell/controls.ts';
import { byId, element } from '../shell/element.ts';
import { type Found, findAll, type Messages, type Sources } from './findAll.ts';

/** Chats whose messages are searched, the most recent ones. */
const MOST_CHATS = 50;

/** Searches everything at once: the button, `/` or Ctrl+K open it. Arrow keys choose, Enter goes there. */
export function startSearch(sources: Sources): void {
  const open = byId('search-open', HTMLButtonElement);
  open.addEventListener('click', () => openSearch(sources));
  document.addEventListener('keydown', (event) => {
    const isWriting = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
    const isWanted =
      (event.key === '/' && !isWriting) || (event.key === 'k' && (event.ctrlKey || event.metaKey));
    if (!isWanted || document.querySelector('dialog[open]')) return;
    event.preventDefault();
    openSearch(sources);
  });
}

function openSearch(sources: Sources): void {
  let messages: Messages = new Map();
  const results = element('ul', { className: 'found', role: 'listbox', ariaLabel: 'Found' });
  const input = element('input', {
    type: 'search',
    ariaLabel: 'Search everything',
    placeholder: 'People, messages, webhooks, requests…',
    autocomplete: 'off',
    oninput: () => show(),
  });
  const dialog = element('dialog', { className: 'search', ariaLabel: 'Search' }, input, results);
  const show = () => {
    const found = findAll(input.value, sources, messages);
    results.replaceChildren(
      ...found.map((entry) => resultLine(entry, () => dialog.close())),
      ...(found.length === 0
        ? [
            hint(
              input.value === ''
                ? 'Type a name, a number, a text, an id, a path or an error code.'
                : 'Nothing found.',
            ),
          ]
        : []),
    );
  };
  dialog.addEventListener('keydown', (event) => move(event, input, results));
  dialog.addEventListener('click', ({ target }) => void (target === dialog && dialog.close()));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  show();
  void messagesOf(sources.model).then((found) => {
    messages = found;
    show();
  });
}

const resultLine = ({ kind, title, about, address }: Found, onclick: () => void): HTMLElement =>
  element(
    'li',
    { role: 'presentation' },
    element(
      'a',
      { href: address, role: 'option', onclick },
      badge(kind, 'quiet'),
      element('span', { className: 'title', textContent: title }),
      element('span', { className: 'about', textContent: about }),
    ),
  );

async function messagesOf(model: Model): Promise<Messages> {
  const recent = model.chats.slice(0, MOST_CHATS);
  const chats = await Promise.all(
    recent.map(({ waId }) =>
      call('GET /numbers/{number}/chats/{waId}', { params: { number: model.number, waId } }).catch(
        () => undefined,
      ),
    ),
  );
  return new Map(recent.map(({ waId }, index) => [waId, (chats[index]?.messages ?? []).toReversed()]));
}

/** Up and down go through what was found; Enter in the field takes the first. */
function move(event: KeyboardEvent, input: HTMLInputElement, results: HTMLElement): void {
  const links = [...results.querySelectorAll('a')];
  const at = links.indexOf(document.activeElement as HTMLAnchorElement);
  if (event.key === 'Enter' && at === -1) links[0]?.click();
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  event.preventDefault();
  const to = at + (event.key === 'ArrowDown' ? 1 : -1);
  (to < 0 ? input : links[Math.min(to, links.length - 1)])?.focus();
}
