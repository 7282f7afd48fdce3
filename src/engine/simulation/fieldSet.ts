import { NotSimulated } from './notSimulated.ts';
import type { Merge, SimulatedKind } from './schemas.ts';

/** One step into an object: `f:name` a field, `k:{...}` a list entry by its keys, `v:...` a member of a set. */
export type Step = string;
/** Steps joined, so that paths can be members of a Set. */
export type Path = string;

const SEPARATOR = '\u0000';
const steps = (path: Path): Step[] => path.split(SEPARATOR);
const join = (path: Path, step: Step): Path => (path === '' ? step : `${path}${SEPARATOR}${step}`);

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields that the server maintains and no manager owns. */
const UNOWNED = new Set([
  'apiVersion',
  'kind',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'metadata.resourceVersion',
  'metadata.generation',
  'metadata.creationTimestamp',
  'metadata.deletionTimestamp',
  'metadata.deletionGracePeriodSeconds',
  'metadata.managedFields',
]);

/** Every leaf of an object with its value, by path: scalars, atomic lists, members of sets, and entries of keyed lists. */
export function leaves(object: unknown, { lists, otherLists }: SimulatedKind): Map<Path, unknown> {
  const found = new Map<Path, unknown>();
  const walk = (value: unknown, path: Path, plain: string) => {
    if (UNOWNED.has(plain)) return;
    if (Array.isArray(value)) return walkList(value, path, plain);
    if (!isFields(value)) return void found.set(path, value);
    for (const [name, inner] of Object.entries(value)) {
      if (inner !== undefined) walk(inner, join(path, `f:${name}`), plain ? `${plain}.${name}` : name);
    }
  };
  const walkList = (list: readonly unknown[], path: Path, plain: string) => {
    const merge: Merge | undefined = lists[plain] ?? otherLists;
    if (!merge) throw new NotSimulated(`the list ${plain}`);
    if (merge === 'atomic') return void found.set(path, list);
    for (const item of list) {
      if (merge === 'set') {
        found.set(join(path, `v:${JSON.stringify(item)}`), item);
        continue;
      }
      const entry = join(path, keyStep(item as Fields, merge.keys));
      // The entry itself, so that it is removed with its last owner.
      found.set(join(entry, '.'), undefined);
      for (const [name, inner] of Object.entries(item as Fields)) {
        if (isFields(inner) || Array.isArray(inner)) throw new NotSimulated(`a nested value in ${plain}`);
        found.set(join(entry, `f:${name}`), inner);
      }
    }
  };
  walk(object, '', '');
  return found;
}

const keyStep = (item: Fields, keys: readonly string[]): Step =>
  `k:${JSON.stringify(Object.fromEntries(keys.map((key) => [key, item[key]])))}`;

/** Writes a leaf into a mutable object. */
export function setLeaf(object: Fields, path: Path, value: unknown): void {
  const [last, ...parents] = steps(path).reverse() as [Step, ...Step[]];
  let target: unknown = object;
  for (const [index, step] of parents.reverse().entries()) {
    const following = parents[index + 1] ?? last;
    target = descend(target, step, following.startsWith('f:') || following === '.' ? {} : []);
  }
  if (last === '.') return;
  if (last.startsWith('v:')) {
    const list = target as unknown[];
    if (!list.includes(value)) list.push(value);
  } else (target as Fields)[last.slice(2)] = value;
}

/** Removes a leaf from a mutable object; the path `.` of a keyed list entry removes the whole entry. */
export function removeLeaf(object: Fields, path: Path): void {
  const [last, ...parents] = steps(path).reverse() as [Step, ...Step[]];
  const chain: unknown[] = [object];
  for (const step of parents.reverse()) {
    const next = enter(chain.at(-1), step);
    if (next === undefined) return;
    chain.push(next);
  }
  const target = chain.at(-1);
  if (last === '.') {
    const list = chain.at(-2) as unknown[];
    list.splice(list.indexOf(target), 1);
  } else if (last.startsWith('v:')) {
    const list = target as unknown[];
    const at = list.indexOf(JSON.parse(last.slice(2)));
    if (at !== -1) list.splice(at, 1);
  } else delete (target as Fields)[last.slice(2)];
}

function descend(target: unknown, step: Step, empty: unknown): unknown {
  const present = enter(target, step);
  if (present !== undefined && present !== null) return present;
  if (step.startsWith('k:')) {
    const entry = JSON.parse(step.slice(2)) as Fields;
    (target as unknown[]).push(entry);
    return entry;
  }
  (target as Fields)[step.slice(2)] = empty;
  return empty;
}

function enter(target: unknown, step: Step): unknown {
  if (step.startsWith('f:')) return (target as Fields | undefined)?.[step.slice(2)];
  const keys = JSON.parse(step.slice(2)) as Fields;
  return (target as Fields[] | undefined)?.find((item) =>
    Object.entries(keys).every(([key, value]) => item[key] === value),
  );
}

/** The nested form in which `metadata.managedFields` shows a set of paths. */
export function fieldsV1(paths: Iterable<Path>): Fields {
  const root: Fields = {};
  for (const path of paths) {
    let target = root;
    for (const step of steps(path)) {
      target[step] ??= {};
      target = target[step] as Fields;
    }
  }
  return root;
}

/** A path as error messages write it: `.data.a`, `.spec.parts[name="x"].count`. */
export const describePath = (path: Path): string =>
  steps(path)
    .filter((step) => step !== '.')
    .map((step) => {
      if (step.startsWith('f:')) return `.${step.slice(2)}`;
      const keys = JSON.parse(step.slice(2)) as unknown;
      if (!isFields(keys)) return `[=${JSON.stringify(keys)}]`;
      return `[${Object.entries(keys)
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .join(',')}]`;
    })
    .join('');
