/** The first difference of a value from what is expected of it, as a text; undefined if it matches. */
export function difference(expected: unknown, actual: unknown, path = ''): string | undefined {
  if (Array.isArray(expected)) return differenceOfList(expected, actual, path);
  if (typeof expected === 'object' && expected !== null) {
    if (typeof actual !== 'object' || actual === null || Array.isArray(actual))
      return `${path || 'it'} is ${shown(actual)}, not an object`;
    for (const [name, value] of Object.entries(expected)) {
      const inner = path === '' ? name : `${path}.${name}`;
      const found = difference(value, (actual as Record<string, unknown>)[name], inner);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return expected === actual ? undefined : `${path || 'it'} is ${shown(actual)}, not ${shown(expected)}`;
}

/** Each expected element must be in the list; others may be there too. */
function differenceOfList(expected: readonly unknown[], actual: unknown, path: string): string | undefined {
  if (!Array.isArray(actual)) return `${path || 'it'} is ${shown(actual)}, not a list`;
  for (const [index, each] of expected.entries()) {
    const found = actual.map((element) => difference(each, element, `${path}[${index}]`));
    if (!found.includes(undefined)) return found[0] ?? `${path} is empty`;
  }
  return undefined;
}

const LONGEST = 60;
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'absent';
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
