import { hash } from 'node:crypto';
import type { KubeObject } from './kubeObject.ts';
import {
  entryKeys,
  entryPath,
  hasUnionEntries,
  identity,
  isAtomicMap,
  isDefault,
  isOmitted,
} from './mergeTypes.ts';

/**
 * The annotation that holds the hash of what was last applied: a field that has left the manifest shows up as a
 * different hash. `prefix` is the domain of the program's own annotations.
 */
export const appliedHashAnnotation = (prefix: string): string => `${prefix}/applied-hash`;

/** A hash that does not depend on the order of keys; undefined fields do not count. */
export function hashOf(value: unknown): string {
  return hash('sha256', canonicalJson(value)).slice(0, 16);
}

/** JSON with sorted keys, in one pass: every child of every stack is hashed in each reconcile. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = value as Readonly<Record<string, unknown>>;
  let json = '';
  for (const key of Object.keys(fields).sort()) {
    if (fields[key] === undefined) continue;
    json += `${json && ','}${JSON.stringify(key)}:${canonicalJson(fields[key])}`;
  }
  return `{${json}}`;
}

/** The manifest with its own hash in the given annotation. */
export function withAppliedHash(desired: KubeObject, annotation: string): KubeObject {
  const { metadata } = desired;
  return {
    ...desired,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [annotation]: hashOf(desired) } },
  };
}

/** A field that differs. */
interface Difference {
  readonly path: string;
  /**
   * The API server itself may have made it: a field that is not ours where only our fields may stand, such as in a map that
   * is replaced as one, or a false or 0 that is not there.
   */
  readonly isServers: boolean;
}

/**
 * Paths at which the live object differs from the wanted one. Fields of others count only where the schema of the API
 * server merges nothing: a key that somebody added to a selector is a difference, one added to the labels is not.
 */
export const differences = (desired: unknown, live: unknown, path = ''): string[] =>
  compare(desired, live, { path, field: '', strict: false }).map((difference) => difference.path);

/** The differences that the API server itself may have made. */
export const serversDifferences = (desired: unknown, live: unknown): string[] =>
  compare(desired, live, { path: '', field: '', strict: false })
    .filter(({ isServers }) => isServers)
    .map(({ path }) => path);

interface Place {
  readonly path: string;
  /** The name of the field. */
  readonly field: string;
  /** The value is replaced as one. */
  readonly strict: boolean;
}
const changed = (path: string): Difference[] => [{ path, isServers: false }];

function compare(desired: unknown, live: unknown, place: Place): Difference[] {
  if (desired === undefined) return [];
  if (Array.isArray(desired)) return compareLists(desired, live, place);
  const { path } = place;
  if (typeof desired !== 'object' || desired === null) return compareScalars(desired, live, place);
  // The server leaves out empty objects, so a missing one is no difference.
  if (live === undefined || live === null) return Object.keys(desired).length === 0 ? [] : changed(path);
  if (typeof live !== 'object') return changed(path);
  const strict = place.strict || isAtomicMap(place.field);
  const own = Object.entries(desired).flatMap(([field, value]) =>
    compare(value, (live as Record<string, unknown>)[field], { path: join(path, field), field, strict }),
  );
  return strict ? [...own, ...extraFields(desired, live, path)] : own;
}

const extraFields = (desired: object, live: object, path: string): Difference[] =>
  Object.entries(live)
    .filter(([field, value]) => !(field in desired) && value !== undefined && !isDefault(field, value))
    .map(([field]) => ({ path: join(path, field), isServers: true }));

const join = (path: string, field: string): string => (path ? `${path}.${field}` : field);

/** Entries are matched by the keys that Kubernetes merges them by, else by position. */
function compareLists(
  desired: readonly unknown[],
  live: unknown,
  { path, field, strict }: Place,
): Difference[] {
  if (live === undefined || live === null) return desired.length === 0 ? [] : changed(path);
  if (!Array.isArray(live)) return changed(path);
  const keys = strict ? undefined : entryKeys(field, desired);
  if (!keys) {
    if (desired.length === 0) return [];
    if (desired.length !== live.length) return changed(path);
    return desired.flatMap((item, index) =>
      compare(item, live[index], { path: `${path}[${index}]`, field: '', strict: true }),
    );
  }
  const byIdentity = groupedBy(live, (candidate) => identity(candidate, keys));
  return desired.flatMap((item) => {
    const at = entryPath(path, item, keys);
    const [match, ...more] = byIdentity.get(identity(item, keys)) ?? [];
    // Of two entries with one key, the last counts for Kubernetes, and none can be applied.
    if (match === undefined || more.length > 0) return changed(at);
    const own = compare(item, match, { path: at, field: '', strict: false });
    return hasUnionEntries(field) ? [...own, ...extraFields(item as object, match as object, at)] : own;
  });
}

/** In one pass: nodes have dozens of variables, and every reconcile compares all of them. */
function groupedBy(items: readonly unknown[], key: (item: unknown) => string): Map<string, unknown[]> {
  const groups = new Map<string, unknown[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}

/** The manifest with the live values at these paths, as `differences` gives them: nothing is changed there. */
export function withLiveAt(
  desired: unknown,
  live: unknown,
  paths: readonly string[],
  path = '',
  field = '',
): unknown {
  const isHere = paths.includes(path) && path !== '';
  const isBelow = paths.some((one) => one.startsWith(`${path}.`) || one.startsWith(`${path}[`));
  if (isHere || (isBelow && isAtomicMap(field))) return live;
  if (path !== '' && !isBelow) return desired;
  if (Array.isArray(desired)) {
    const keys = entryKeys(field, desired);
    if (!keys) return live;
    const others = Array.isArray(live) ? live : [];
    return desired.flatMap((item) => {
      const match = others.find((candidate) => identity(candidate, keys) === identity(item, keys));
      const at = entryPath(path, item, keys);
      const isUnion = hasUnionEntries(field) && paths.some((one) => one.startsWith(`${at}.`));
      const left = isUnion ? match : withLiveAt(item, match, paths, at);
      return left === undefined ? [] : [left];
    });
  }
  if (typeof desired !== 'object' || desired === null) return desired;
  const from = (live ?? {}) as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.entries(desired)
      .map(([key, value]) => [key, withLiveAt(value, from[key], paths, join(path, key), key)] as const)
      .filter(([, value]) => value !== undefined),
  );
}

function compareScalars(desired: unknown, live: unknown, { path, field }: Place): Difference[] {
  if (live !== undefined && live !== null) return sameScalar(desired, live, path) ? [] : changed(path);
  if (desired === null || isOmitted(field, desired)) return [];
  return [{ path, isServers: desired === false || desired === 0 }];
}

function sameScalar(desired: unknown, live: unknown, path: string): boolean {
  if (desired === live) return true;
  // Other texts that look like a quantity are not: the variable "1000m" is not the variable "1".
  if (!QUANTITY.test(path)) return false;
  const [a, b] = [quantityValue(desired), quantityValue(live)];
  return a !== undefined && a === b;
}

const QUANTITY = /(^|\.)(requests|limits)\.|(^|\.)(cpu|memory|storage|ephemeral-storage|sizeLimit)$/;

const SUFFIXES: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The number that a quantity stands for: `1Gi` and `1024Mi` are the same. */
function quantityValue(value: unknown): number | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?)([numkMGTPE]|[KMGTPE]i)?$/.exec(String(value));
  if (!match) return undefined;
  // 1e-3 and the like carry rounding errors that must not look like a change.
  return Number((Number(match[1]) * (SUFFIXES[match[2] ?? ''] ?? 1)).toPrecision(12));
}
