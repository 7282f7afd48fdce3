import { element } from './element.ts';

const COLOURS = 8;

/** Initials of a name in a colour that follows from the WhatsApp id; the last digits for somebody without a name. */
export function avatar(waId: string, name: string | undefined): HTMLElement {
  const words = (name ?? '').split(/\s+/).filter(Boolean);
  const initials = words.map((word) => [...word][0]?.toUpperCase() ?? '');
  const [first, last] = [initials[0], initials.length > 1 ? initials.at(-1) : ''];
  const text = first === undefined ? waId.slice(-2) : `${first}${last}`;
  const colour = [...waId].reduce((sum, digit) => (sum * 31 + digit.charCodeAt(0)) % 65_521, 7) % COLOURS;
  return element('span', {
    className: 'avatar',
    dataset: { colour: String(colour) },
    textContent: text,
    ariaHidden: 'true',
  });
}
