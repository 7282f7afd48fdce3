import { element } from '../shell/element.ts';
import { exactTime } from '../shell/time.ts';

/** A field that filters a list as somebody types. */
export const filterInput = (label: string, onFilter: () => unknown): HTMLInputElement =>
  element('input', {
    type: 'search',
    placeholder: label,
    ariaLabel: label,
    autocomplete: 'off',
    oninput: onFilter,
  });

export const filterSelect = (
  label: string,
  options: readonly (readonly [value: string, text: string])[],
  onFilter: () => unknown,
): HTMLSelectElement =>
  element(
    'select',
    { ariaLabel: label, onchange: onFilter },
    ...options.map(([value, textContent]) => element('option', { value, textContent })),
  );

interface RecordRow {
  readonly href: string;
  /** Epoch ms. */
  readonly at: number;
  readonly badge: HTMLElement;
  readonly title: readonly (string | HTMLElement)[];
  readonly about: { readonly text: string; readonly isBad?: boolean };
  readonly took: string;
}

/** A row in the list of an inspector. */
export const recordRow = ({ href, at, badge, title, about, took }: RecordRow): HTMLElement =>
  element(
    'li',
    {},
    element(
      'a',
      { className: 'record', href },
      badge,
      element('span', { className: 'title' }, ...title),
      element('time', { textContent: exactTime(at), dateTime: new Date(at).toISOString() }),
      element('span', { className: about.isBad ? 'about bad' : 'about', textContent: about.text }),
      element('span', { className: 'took', textContent: took }),
    ),
  );

/** A word in a colour that says how good it is. */
export const badge = (text: string, kind: 'good' | 'bad' | 'warn' | 'quiet'): HTMLElement =>
  element('span', { className: `badge ${kind}`, textContent: text });

/** Names and what stands for each. */
export const factList = (
  facts: readonly (readonly [name: string, value: string | HTMLElement])[],
): HTMLElement =>
  element(
    'dl',
    { className: 'facts' },
    ...facts.flatMap(([name, value]) => [element('dt', { textContent: name }), element('dd', {}, value)]),
  );

export const section = (title: string, ...children: readonly HTMLElement[]): HTMLElement =>
  element('section', {}, element('h3', { textContent: title }), ...children);
