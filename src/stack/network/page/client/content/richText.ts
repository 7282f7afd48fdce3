/** Text as WhatsApp shows it: a tree of what is bold, italic, struck out, code, or a link. */
export type Inline =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly href: string }
  | { readonly kind: 'bold' | 'italic' | 'strike'; readonly children: readonly Inline[] };

export type Block =
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'line' | 'quote' | 'bullet'; readonly children: readonly Inline[] };

const MARKS = { '*': 'bold', _: 'italic', '~': 'strike' } as const;
const LINK = /^(?:https?:\/\/|www\.)[^\s<>"]+[^\s<>"'.,;:!?)\]}*_~]/i;
const MAIL = /^[\w.+-]+@[\w-]+(?:\.[\w-]+)+/;
const WORD = /[\p{L}\p{N}]/u;

/** Blocks of a message, one for each line, and one for each stretch between ```. */
export function richText(text: string): Block[] {
  const parts = text.split(/```([\s\S]+?)```/);
  return parts.flatMap((part, index): Block[] => {
    if (index % 2 === 1) return [{ kind: 'code', text: part.replace(/^\n|\n$/g, '') }];
    // The line breaks around code belong to the code.
    const own = part.replace(index > 0 ? /^\n/ : '', '').replace(index < parts.length - 1 ? /\n$/ : '', '');
    return own === '' && parts.length > 1 ? [] : own.split('\n').map(lineOf);
  });
}

function lineOf(line: string): Block {
  const [, mark = '', rest = line] = /^(> |[*-] )(.+)$/.exec(line) ?? [];
  const kind = mark === '' ? 'line' : mark === '> ' ? 'quote' : 'bullet';
  return { kind, children: inline(rest) };
}

/** What stands within a line. Each mark counts at the edge of a word only, so `2*3*4` has none. */
export function inline(line: string): Inline[] {
  const found: Inline[] = [];
  let plain = '';
  const add = (part: Inline, length: number): number => {
    if (plain !== '') found.push({ kind: 'text', text: plain });
    plain = '';
    found.push(part);
    return length;
  };
  for (let at = 0; at < line.length; ) {
    const rest = line.slice(at);
    const isEdge = !WORD.test(line[at - 1] ?? '');
    const link = isEdge ? linkAt(rest) : undefined;
    const marked = isEdge && !link ? markedAt(rest) : undefined;
    if (link) at += add(link, link.text.length);
    else if (marked) at += add(marked.part, marked.length);
    else plain += line[at++];
  }
  if (plain !== '') found.push({ kind: 'text', text: plain });
  return found;
}

function linkAt(rest: string): Extract<Inline, { kind: 'link' }> | undefined {
  const [url] = LINK.exec(rest) ?? [];
  if (url !== undefined)
    return { kind: 'link', text: url, href: /^www\./i.test(url) ? `https://${url}` : url };
  const [mail] = MAIL.exec(rest) ?? [];
  return mail === undefined ? undefined : { kind: 'link', text: mail, href: `mailto:${mail}` };
}

function markedAt(rest: string): { part: Inline; length: number } | undefined {
  const mark = rest[0] ?? '';
  if (mark !== '`' && !(mark in MARKS)) return undefined;
  for (let end = rest.indexOf(mark, 2); end !== -1; end = rest.indexOf(mark, end + 1)) {
    const inside = rest.slice(1, end);
    if (/^\s|\s$/.test(inside) || WORD.test(rest[end + 1] ?? '')) continue;
    const part: Inline =
      mark === '`'
        ? { kind: 'code', text: inside }
        : { kind: MARKS[mark as keyof typeof MARKS], children: inline(inside) };
    return { part, length: end + 1 };
  }
  return undefined;
}

/** The text of a line without its marks. */
const plain = (parts: readonly Inline[]): string =>
  parts.map((part) => ('children' in part ? plain(part.children) : part.text)).join('');

/** A message in one line, without marks. */
export const plainText = (text: string): string =>
  richText(text)
    .map((block) => (block.kind === 'code' ? block.text : plain(block.children)))
    .join(' ')
    .trim();
