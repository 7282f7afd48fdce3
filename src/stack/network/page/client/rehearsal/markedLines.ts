import type { RehearsalEvent } from '../../../rehearsalRecord.ts';

type Difference = RehearsalEvent['differences'][number];
export type Mark = Difference['change'] | 'same';

export interface MarkedLine {
  readonly text: string;
  readonly mark: Mark;
}

/** A value as JSON in lines, each with the change of what it shows. `marks`: changes by path, with `[]` for any element. */
export function markedLines(value: unknown, marks: ReadonlyMap<string, Mark>): MarkedLine[] {
  const lines: MarkedLine[] = [];
  const add = (indent: number, text: string, path: string) =>
    lines.push({ text: `${'  '.repeat(indent)}${text}`, mark: marks.get(path) ?? 'same' });
  const visit = (inner: unknown, { path, indent, before, after }: Place): void => {
    if (typeof inner !== 'object' || inner === null || Object.keys(inner).length === 0) {
      add(indent, `${before}${JSON.stringify(inner) ?? 'null'}${after}`, path);
      return;
    }
    const isList = Array.isArray(inner);
    const entries = Object.entries(inner).filter(([, each]) => each !== undefined);
    add(indent, `${before}${isList ? '[' : '{'}`, path);
    entries.forEach(([key, each], index) => {
      visit(each, {
        path: isList ? `${path}[]` : path === '' ? key : `${path}.${key}`,
        indent: indent + 1,
        before: isList ? '' : `${JSON.stringify(key)}: `,
        after: index < entries.length - 1 ? ',' : '',
      });
    });
    // The end of a thing has no mark of its own.
    lines.push({ text: `${'  '.repeat(indent)}${isList ? ']' : '}'}${after}`, mark: 'same' });
  };
  visit(value, { path: '', indent: 0, before: '', after: '' });
  return lines;
}

interface Place {
  readonly path: string;
  readonly indent: number;
  /** On the line of the value. */
  readonly before: string;
  readonly after: string;
}

/** The marks of one of the two shapes. */
export const marksOf = (
  differences: readonly Difference[],
  part: Difference['part'],
  shape: 'from' | 'to',
): ReadonlyMap<string, Mark> =>
  new Map(
    differences.flatMap((each) => {
      const path = each[shape];
      return each.part === part && path !== undefined ? [[path, each.change] as const] : [];
    }),
  );
