export interface DiffLine {
  readonly change: 'same' | 'added' | 'removed';
  readonly text: string;
}

/** Longer texts would take too much time and memory: they differ as a whole. */
const MOST_CELLS = 4_000_000;

/** The fewest lines to remove from one text and to add for the other. */
export function diffLines(before: readonly string[], after: readonly string[]): DiffLine[] {
  if (before.length * after.length > MOST_CELLS) return [...removed(before), ...added(after)];
  const common = commonLengths(before, after);
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < before.length && j < after.length) {
    const [old = '', fresh = ''] = [before[i], after[j]];
    if (old === fresh) {
      lines.push({ change: 'same', text: old });
      i += 1;
      j += 1;
    } else if ((common[i + 1]?.[j] ?? 0) >= (common[i]?.[j + 1] ?? 0)) {
      lines.push({ change: 'removed', text: old });
      i += 1;
    } else {
      lines.push({ change: 'added', text: fresh });
      j += 1;
    }
  }
  return [...lines, ...removed(before.slice(i)), ...added(after.slice(j))];
}

const removed = (lines: readonly string[]) => lines.map((text): DiffLine => ({ change: 'removed', text }));
const added = (lines: readonly string[]) => lines.map((text): DiffLine => ({ change: 'added', text }));

/** How many lines the rests of both texts have in common, by where the rests begin. */
function commonLengths(before: readonly string[], after: readonly string[]): Uint32Array[] {
  const table = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--) {
      const [row, next] = [table[i], table[i + 1]];
      if (!row || !next) continue;
      row[j] = before[i] === after[j] ? (next[j + 1] ?? 0) + 1 : Math.max(next[j] ?? 0, row[j + 1] ?? 0);
    }
  return table;
}
