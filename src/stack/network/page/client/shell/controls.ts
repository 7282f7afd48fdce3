import { type Child, element } from './element.ts';
import { type IconName, icon } from './icon.ts';

/** A button that shows an icon only; `label` is its name and its tooltip. */
export const iconButton = (
  name: IconName,
  label: string,
  onclick: (event: MouseEvent) => unknown,
): HTMLButtonElement =>
  element(
    'button',
    { type: 'button', className: 'icon-button', ariaLabel: label, title: label, onclick },
    icon(name),
  );

export const button = (
  label: string,
  onclick: (event: MouseEvent) => unknown,
  name?: IconName,
): HTMLButtonElement => element('button', { type: 'button', onclick }, name && icon(name), label);

/** What a list shows that is empty: what would stand there, and how to get it. */
export const emptyState = (name: IconName, title: string, ...guidance: readonly Child[]): HTMLElement =>
  element(
    'div',
    { className: 'empty' },
    icon(name),
    element('h3', { textContent: title }),
    element('div', {}, ...guidance),
  );

export const hint = (text: string): HTMLElement => element('p', { className: 'hint', textContent: text });

/** Text for screen readers only. */
export const spoken = (text: string): HTMLElement =>
  element('span', { className: 'spoken', textContent: text });
