import { iconButton } from '../shell/controls.ts';
import { byId, element } from '../shell/element.ts';
import { type Drawing, keyedList } from '../shell/keyedList.ts';
import { go } from '../shell/router.ts';

/** Rows that are shown at first, and how many more with each click. */
const PAGE = 200;

export interface MasterDetailOptions<T> {
  /** Of the view, and of its section in page.html. */
  readonly name: string;
  readonly row: Drawing<T>;
  /** What the list shows that has no records, and one that has none of those that are looked for. */
  readonly empty: { readonly none: () => HTMLElement; readonly filtered: () => HTMLElement };
  readonly noChoice: () => HTMLElement;
  readonly detail: (record: T) => readonly HTMLElement[];
}

/** A list of records, and what is known of the chosen one. On a narrow screen one of the two is shown. */
export class MasterDetail<T extends { readonly id: number }> {
  readonly #options: MasterDetailOptions<T>;
  readonly #root: HTMLElement;
  readonly #list = element('ol', { className: 'records' });
  readonly #detail = element('div', { className: 'detail scroll' });
  #limit = PAGE;
  #shown = '';

  /** `tools`: above the list. */
  constructor(options: MasterDetailOptions<T>, title: string, ...tools: readonly HTMLElement[]) {
    this.#options = options;
    this.#root = byId(options.name, HTMLElement);
    this.#root.dataset.pane = 'list';
    this.#root.replaceChildren(
      element(
        'div',
        { className: 'pane list' },
        element('header', {}, element('h2', { textContent: title })),
        element('div', { className: 'tools' }, ...tools),
        element('div', { className: 'scroll' }, this.#list),
      ),
      element('div', { className: 'pane main' }, this.#detail),
    );
  }

  show(records: readonly T[], isFiltered: boolean, chosen: T | undefined): void {
    const { row, empty, noChoice, detail, name } = this.#options;
    const chosenKey = chosen && row.keyOf(chosen);
    keyedList(this.#list, records.slice(0, this.#limit), {
      keyOf: row.keyOf,
      versionOf: (record) => `${row.versionOf?.(record) ?? ''} ${row.keyOf(record) === chosenKey}`,
      draw: (record) => {
        const link = row.draw(record);
        link.querySelector('a')?.setAttribute('aria-current', String(row.keyOf(record) === chosenKey));
        return link;
      },
    });
    if (records.length === 0) this.#list.replaceChildren((isFiltered ? empty.filtered : empty.none)());
    if (records.length > this.#limit) this.#list.append(this.#more(records, isFiltered, chosen));
    this.#root.dataset.pane = chosen ? 'detail' : 'list';
    // Redrawn only if it has changed, so that nobody loses what they have selected.
    const shown = chosen ? `${chosenKey} ${JSON.stringify(chosen)}` : '';
    if (shown === this.#shown && this.#detail.children.length > 0) return;
    this.#shown = shown;
    const back = iconButton('back', 'Back to the list', () => go(name));
    back.classList.add('back');
    this.#detail.replaceChildren(...(chosen ? [back, ...detail(chosen)] : [noChoice()]));
  }

  #more(records: readonly T[], isFiltered: boolean, chosen: T | undefined): HTMLElement {
    const onclick = () => {
      this.#limit += PAGE;
      this.show(records, isFiltered, chosen);
    };
    const textContent = `Show ${PAGE} more of ${records.length}`;
    return element('li', { className: 'more' }, element('button', { type: 'button', textContent, onclick }));
  }

  /** Draws the chosen record anew. */
  redraw(): void {
    this.#shown = '';
  }
}
