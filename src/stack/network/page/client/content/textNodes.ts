import { element } from '../shell/element.ts';
import { type Block, type Inline, richText } from './richText.ts';

const TAGS = { bold: 'strong', italic: 'em', strike: 's' } as const;
/** Up to three emoji alone are shown large. */
const EMOJI_ONLY =
  /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\u{FE0F}|\u{200D}\p{Extended_Pictographic})*){1,3}$/u;

/** The text of a message with its formatting and links. */
export function textNodes(text: string): HTMLElement {
  const className = EMOJI_ONLY.test(text.trim()) ? 'text emoji' : 'text';
  return element('div', { className }, ...richText(text).map(blockNode));
}

const blockNode = (block: Block): HTMLElement =>
  block.kind === 'code'
    ? element('pre', { textContent: block.text })
    : element('div', { className: block.kind }, ...inlineNodes(block.children));

export const inlineNodes = (parts: readonly Inline[]): Node[] => parts.map(inlineNode);

function inlineNode(part: Inline): Node {
  if (part.kind === 'text') return document.createTextNode(part.text);
  if (part.kind === 'code') return element('code', { textContent: part.text });
  if (part.kind === 'link') return outwardLink(part.href, part.text);
  return element(TAGS[part.kind], {}, ...inlineNodes(part.children));
}

/** A link to the emulator's own page about an error. */
export const errorLink = (code: number, textContent: string): HTMLAnchorElement =>
  outwardLink(`/errors/${code}`, textContent);

/** A link that opens a tab of its own. */
export const outwardLink = (href: string, textContent: string): HTMLAnchorElement =>
  element('a', { href, textContent, target: '_blank', rel: 'noreferrer noopener' });
