const BEGIN = '-----BEGIN ';
const DASHES = '-----';
const LABEL = /^[A-Z0-9 ]{1,64}$/;

/**
 * The blocks of a PEM text, in order, each from its BEGIN to its END. Text around them is left out. It looks at each
 * character a fixed number of times, because the text may come from anybody: a regular expression with a lazy middle
 * takes seconds for a megabyte of BEGIN lines.
 */
export function pemBlocks(text: string): string[] {
  const blocks: string[] = [];
  let at = text.indexOf(BEGIN);
  while (at !== -1) {
    const labelEnd = text.indexOf(DASHES, at + BEGIN.length);
    if (labelEnd === -1) break;
    const label = text.slice(at + BEGIN.length, labelEnd);
    // No other dashes stand between the two lines, so the next ones end the block or it is none.
    const closing = LABEL.test(label) ? text.indexOf(DASHES, labelEnd + DASHES.length) : labelEnd;
    const end = `-----END ${label}-----`;
    if (closing !== -1 && text.startsWith(end, closing)) {
      blocks.push(text.slice(at, closing + end.length));
      at = text.indexOf(BEGIN, closing + end.length);
    } else at = closing === -1 ? -1 : text.indexOf(BEGIN, closing);
  }
  return blocks;
}
