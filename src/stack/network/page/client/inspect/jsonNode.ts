import type { MarkedLine } from '../rehearsal/markedLines.ts';
import { element } from '../shell/element.ts';
import { type DiffLine, diffLines } from './diffLines.ts';
import { jsonLines, tokensOf } from './jsonText.ts';

interface JsonOptions {
  readonly label: string;
  /** Whether a line is what the reader looks for. */
  readonly isMarked?: (line: string) => boolean;
}

/** A value as JSON in colours. Text that is no JSON is shown as it is. */
export function jsonNode(value: unknown, { label, isMarked = () => false }: JsonOptions): HTMLElement {
  if (typeof value === 'string') return frame(label, element('span', { textContent: value }));
  return frame(
    label,
    ...jsonLines(value).map((line) => lineNode(line, isMarked(line) ? 'line marked' : 'line')),
  );
}

const SIGNS: Readonly<Record<DiffLine['change'], string>> = { same: ' ', added: '+', removed: '−' };

/** What differs between two values. */
export const diffNode = (before: unknown, after: unknown, label: string): HTMLElement =>
  frame(
    label,
    ...diffLines(jsonLines(before), jsonLines(after)).map(({ change, text }) =>
      lineNode(text, `line ${change}`, SIGNS[change]),
    ),
  );

const MARKS: Readonly<Record<MarkedLine['mark'], string>> = {
  same: ' ',
  changed: '~',
  moved: '→',
  removed: '−',
  added: '+',
};

/** Lines with a sign before each that differs from another shape of the same thing. */
export const markedNode = (lines: readonly MarkedLine[], label: string): HTMLElement =>
  frame(label, ...lines.map(({ text, mark }) => lineNode(text, `line ${mark}`, MARKS[mark])));

const frame = (ariaLabel: string, ...lines: readonly HTMLElement[]): HTMLElement =>
  element('pre', { className: 'json', ariaLabel, role: 'region', tabIndex: 0 }, ...lines);

const lineNode = (line: string, className: string, sign?: string): HTMLElement =>
  element(
    'span',
    { className },
    sign !== undefined && element('span', { className: 'sign', textContent: sign }),
    ...tokensOf(line).map(({ kind, text }) => element('span', { className: kind, textContent: text })),
    '\n',
  );
