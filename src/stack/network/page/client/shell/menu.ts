import { element } from './element.ts';
import { type IconName, icon } from './icon.ts';

export interface MenuItem {
  readonly label: string;
  readonly icon?: IconName;
  readonly onSelect: () => unknown;
}
/** A row of short items, such as emoji, or a column of items with labels. */
export type MenuPart = readonly MenuItem[] | { readonly row: readonly MenuItem[] };

const GAP_PX = 6;

/** Opens a menu at a button. Arrow keys move in it; Escape, or a click elsewhere, closes it. */
export function openMenu(anchor: HTMLElement, name: string, ...parts: readonly MenuPart[]): void {
  const menu = element('div', { className: 'menu', role: 'menu', ariaLabel: name, popover: 'auto' });
  const choose = (item: MenuItem) => {
    menu.hidePopover();
    item.onSelect();
  };
  for (const part of parts)
    menu.append(
      'row' in part ? row(part.row, choose) : element('div', {}, ...part.map((item) => entry(item, choose))),
    );
  document.body.append(menu);
  menu.addEventListener('toggle', (event) => {
    if ((event as ToggleEvent).newState !== 'closed') return;
    anchor.ariaExpanded = 'false';
    if (menu.contains(document.activeElement)) anchor.focus();
    menu.remove();
  });
  menu.addEventListener('keydown', (event) => move(menu, event));
  menu.showPopover();
  anchor.ariaExpanded = 'true';
  place(menu, anchor.getBoundingClientRect());
  menu.querySelector('button')?.focus();
}

const entry = (item: MenuItem, choose: (item: MenuItem) => void) =>
  element(
    'button',
    { type: 'button', role: 'menuitem', onclick: () => choose(item) },
    item.icon && icon(item.icon),
    item.label,
  );

const row = (items: readonly MenuItem[], choose: (item: MenuItem) => void) => {
  const buttons = items.map((item) => entry(item, choose));
  return element('div', { className: 'menu-row', role: 'group' }, ...buttons);
};

function move(menu: HTMLElement, event: KeyboardEvent): void {
  const items = [...menu.querySelectorAll('button')];
  const at = items.indexOf(document.activeElement as HTMLButtonElement);
  const to = {
    ArrowDown: at + 1,
    ArrowRight: at + 1,
    ArrowUp: at - 1,
    ArrowLeft: at - 1,
    Home: 0,
    End: -1,
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  items.at(to % items.length)?.focus();
}

/** Below the anchor, or above it where there is no room; always on the screen. */
function place(menu: HTMLElement, { left, right, top, bottom }: DOMRect): void {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const fitsBelow = bottom + GAP_PX + height < innerHeight;
  const x = left + width < innerWidth ? left : right - width;
  const y = fitsBelow ? bottom + GAP_PX : top - GAP_PX - height;
  menu.style.left = `${Math.max(GAP_PX, Math.min(x, innerWidth - width - GAP_PX))}px`;
  menu.style.top = `${Math.max(GAP_PX, Math.min(y, innerHeight - height - GAP_PX))}px`;
}
