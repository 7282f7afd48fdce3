import type { Difference } from '../../network/rehearsalRecord.ts';

/** Paths of values in JSON: `messages[0].text.body`. */
type Leaves = ReadonlyMap<string, unknown>;
export type Found = Pick<Difference, 'change' | 'from' | 'to' | 'fromValue' | 'toValue'>;

/** A path with any element in place of each of a list. */
const anyElement = (path: string): string => path.replace(/\[\d+\]/g, '[]');

const isInner = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.keys(value).length > 0;

/** What is at the ends of a value, by path. Empty lists and objects are ends. */
export function leavesOf(
  value: unknown,
  path = '',
  found = new Map<string, unknown>(),
): Map<string, unknown> {
  if (!isInner(value)) {
    if (value !== undefined) found.set(path, value);
    return found;
  }
  for (const [key, inner] of Object.entries(value)) {
    const below = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    leavesOf(inner, below, found);
  }
  return found;
}

const lastKey = (path: string): string =>
  path
    .split('.')
    .at(-1)
    ?.replace(/\[\d+\]$/, '') ?? '';
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
/** Numbers and words that are too common to be the same thing elsewhere, unless the name is the same too. */
const tells = (value: unknown): boolean => typeof value === 'string' && value.length > 0;

/**
 * What differs between two values in JSON, each place once for all elements of a list. What has gone from one place and stands
 * in another has moved. Paths of `to` begin with `under`.
 */
export function differences(from: unknown, to: unknown, under = ''): Found[] {
  const [before, after] = [leavesOf(from), leavesOf(to)];
  const gone = [...before].filter(([path]) => !after.has(path));
  const come = new Map([...after].filter(([path]) => !before.has(path)));
  const found: Found[] = [...before].flatMap(([path, fromValue]): Found[] => {
    if (!after.has(path)) return [];
    const toValue = after.get(path);
    return same(fromValue, toValue) ? [] : [{ change: 'changed', from: path, to: path, fromValue, toValue }];
  });
  for (const [path, fromValue] of gone) {
    const there = placeOf(path, fromValue, come);
    if (there === undefined) found.push({ change: 'removed', from: path, fromValue });
    else {
      come.delete(there);
      found.push({ change: 'moved', from: path, to: there, fromValue, toValue: fromValue });
    }
  }
  for (const [path, toValue] of come) found.push({ change: 'added', to: path, toValue });
  return once(found.map((each) => (each.to === undefined ? each : { ...each, to: under + each.to })));
}

function placeOf(path: string, value: unknown, come: Leaves): string | undefined {
  const equal = [...come].filter(([, there]) => same(there, value)).map(([there]) => there);
  return equal.find((there) => lastKey(there) === lastKey(path)) ?? (tells(value) ? equal[0] : undefined);
}

/** The first of those that are the same for any element of a list. */
export function once<D extends Found>(found: readonly D[]): D[] {
  const known = new Map<string, D>();
  for (const { from, to, ...each } of found) {
    const paths = {
      ...(from === undefined ? {} : { from: anyElement(from) }),
      ...(to === undefined ? {} : { to: anyElement(to) }),
    };
    const key = JSON.stringify([each.change, paths, 'part' in each ? each.part : '']);
    if (!known.has(key)) known.set(key, { ...each, ...paths } as unknown as D);
  }
  return [...known.values()];
}
