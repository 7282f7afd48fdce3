import { createHash } from 'node:crypto';
import type { KubeObject } from './kubeObject.ts';

/**
 * The annotation that holds the hash of what was last applied: a field that has left the manifest shows up as a
 * different hash. `prefix` is the domain of the program's own annotations.
 */
export const appliedHashAnnotation = (prefix: string): string => `${prefix}/applied-hash`;

/** A hash that does not depend on the order of keys; undefined fields do not count. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 16);
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

/**
 * Paths at which the live object differs from the wanted one. Only fields of the wanted object count: defaults of the
 * API server and fields of other managers never do.
 */
export function differences(desired: unknown, live: unknown, path = ''): string[] {
  if (desired === undefined) return [];
  if (Array.isArray(desired)) return arrayDifferences(desired, live, path);
  if (typeof desired === 'object' && desired !== null) {
    // The server leaves out empty objects, so a missing one is no difference.
    if (live === undefined || live === null) return Object.keys(desired).length === 0 ? [] : [path];
    if (typeof live !== 'object') return [path];
    return Object.entries(desired).flatMap(([key, value]) =>
      differences(value, (live as Record<string, unknown>)[key], path ? `${path}.${key}` : key),
    );
  }
  return sameScalar(desired, live) ? [] : [path];
}

/** List entries are matched by the key that Kubernetes merges them by, else by position. */
function arrayDifferences(desired: readonly unknown[], live: unknown, path: string): string[] {
  if (live === undefined || live === null) return desired.length === 0 ? [] : [path];
  if (!Array.isArray(live)) return [path];
  const key = mergeKey(desired);
  if (!key) {
    if (desired.length !== live.length) return [path];
    return desired.flatMap((item, index) => differences(item, live[index], `${path}[${index}]`));
  }
  return desired.flatMap((item) => {
    const name = (item as Record<string, unknown>)[key];
    const match = live.find((candidate) => (candidate as Record<string, unknown> | null)?.[key] === name);
    return differences(item, match ?? null, `${path}[${key}=${String(name)}]`);
  });
}

const MERGE_KEYS = ['uid', 'type', 'name', 'mountPath', 'containerPort', 'port'] as const;

/** The field by which Kubernetes merges the entries of a list; undefined if it replaces the list. */
export function mergeKey(items: readonly unknown[]): string | undefined {
  if (items.length === 0 || !items.every((item) => typeof item === 'object' && item !== null))
    return undefined;
  return MERGE_KEYS.find((key) => {
    const values = items.map((item) => (item as Record<string, unknown>)[key]);
    return values.every((value) => value !== undefined) && new Set(values).size === values.length;
  });
}

function sameScalar(desired: unknown, live: unknown): boolean {
  if (desired === live) return true;
  // The server often leaves out "0", false and "".
  if (live === undefined || live === null) return desired === false || desired === 0 || desired === '';
  const [a, b] = [quantityValue(desired), quantityValue(live)];
  return a !== undefined && a === b;
}

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
