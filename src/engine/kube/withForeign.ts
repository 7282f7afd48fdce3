import type { KubeObject } from './kubeObject.ts';
import { entryKeys, hasUnionEntries, identity, isAtomicMap, isUnion } from './mergeTypes.ts';

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * What stays of the live object when it is replaced. `fields`: every field and entry of others. `entries`: only their
 * labels, annotations and entries of lists, such as sidecars, because a field of theirs may be what forbids ours.
 */
export type Foreign = 'fields' | 'entries';

/** The object with which to replace the live one: what we want, plus what is foreign and does not exclude it. */
export function withForeign(desired: KubeObject, live: KubeObject, keep: Foreign): KubeObject {
  const { metadata, ...content } = desired;
  const { managedFields: _, ...identityOfLive } = live.metadata;
  const wanted = { ...metadata, resourceVersion: live.metadata.resourceVersion };
  const { status: __, metadata: ___, ...rest } = live;
  return {
    ...(merge(content, rest, keep, '') as Fields),
    apiVersion: desired.apiVersion,
    kind: desired.kind,
    metadata: merge(wanted, identityOfLive, 'fields', 'metadata') as KubeObject['metadata'],
  };
}

const OPEN_MAPS: ReadonlySet<string> = new Set(['labels', 'annotations']);

function merge(desired: unknown, live: unknown, keep: Foreign, field: string): unknown {
  if (Array.isArray(desired)) return Array.isArray(live) ? mergeLists(desired, live, keep, field) : desired;
  if (!isFields(desired) || !isFields(live) || isAtomicMap(field) || isUnion(field)) return desired;
  const merged = Object.entries(desired).map(([key, value]) => [key, merge(value, live[key], keep, key)]);
  const foreign = keep === 'fields' || OPEN_MAPS.has(field) ? live : {};
  return { ...foreign, ...Object.fromEntries(merged) };
}

/** In the order of the live list, so that nothing but what we want changes. */
function mergeLists(
  desired: readonly unknown[],
  live: readonly unknown[],
  keep: Foreign,
  field: string,
): unknown[] {
  const keys = entryKeys(field, desired);
  if (!keys) return [...desired];
  const id = (item: unknown) => identity(item, keys);
  const wanted = new Map(desired.map((item) => [id(item), item]));
  // An entry of another key with the name of ours is ours, changed: a port with another number.
  const names = new Set(desired.map((item) => nameOf(item) ?? '').filter(Boolean));
  const kept = live.flatMap((item) => {
    const ours = wanted.get(id(item));
    if (ours === undefined) return field === 'ports' && names.has(nameOf(item) ?? '') ? [] : [item];
    wanted.delete(id(item));
    return [hasUnionEntries(field) ? ours : merge(ours, item, keep, '')];
  });
  const seen = new Set<string>();
  // Of two entries with one key, only one can stay.
  const unique = kept.filter((item) => !seen.has(id(item)) && seen.add(id(item)));
  return [...unique, ...wanted.values()];
}

const nameOf = (item: unknown): string | undefined => (item as { readonly name?: string } | null)?.name;
