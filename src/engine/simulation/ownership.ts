import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../kube/kubeObject.ts';
import { describePath, fieldsV1, leaves, type Path, removeLeaf, setLeaf } from './fieldSet.ts';
import type { SimulatedKind } from './schemas.ts';

/** A field manager and the fields that it owns; stored with each version of an object. */
export interface Manager {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource: string | undefined;
  readonly paths: ReadonlySet<Path>;
}

export interface Owned {
  readonly object: KubeObject;
  readonly managers: readonly Manager[];
}

export interface Conflict {
  readonly manager: string;
  readonly field: string;
}

export interface Writer {
  readonly manager: string;
  readonly subresource: string | undefined;
}

const isSame = (a: Manager, b: Writer, operation: Manager['operation']): boolean =>
  a.manager === b.manager && a.subresource === b.subresource && a.operation === operation;

/** Server-side apply. `live` is absent for a creation. Returns conflicts only if not forced. */
export function applyFields(
  live: Owned | undefined,
  applied: KubeObject,
  writer: Writer,
  force: boolean,
  kind: SimulatedKind,
): Owned | { readonly conflicts: readonly Conflict[] } {
  const wanted = leaves(applied, kind);
  const present = live ? leaves(live.object, kind) : new Map<Path, unknown>();
  const others = (live?.managers ?? []).filter((entry) => !isSame(entry, writer, 'Apply'));
  const before = live?.managers.find((entry) => isSame(entry, writer, 'Apply'))?.paths ?? new Set<Path>();

  const changed = [...wanted].filter(
    ([path, value]) => !(present.has(path) && isDeepStrictEqual(present.get(path), value)),
  );
  const taken = new Set(changed.map(([path]) => path));
  const conflicts = others.flatMap(({ manager, paths }) =>
    [...paths].filter((path) => taken.has(path)).map((path) => ({ manager, field: describePath(path) })),
  );
  if (conflicts.length > 0 && !force) return { conflicts };

  const object = structuredClone(live?.object ?? applied) as KubeObject & Record<string, unknown>;
  for (const [path, value] of wanted) setLeaf(object, path, structuredClone(value));
  const kept = others.map((entry) => ({ ...entry, paths: without(entry.paths, taken) }));
  // Fields that this manager applied before and omits now are removed, unless another manager owns them too.
  const gone = [...before].filter((path) => !wanted.has(path) && !kept.some(({ paths }) => paths.has(path)));
  // List entries before their fields, because an entry without its keys cannot be found.
  for (const path of gone.sort((a, b) => Number(b.endsWith('.')) - Number(a.endsWith('.'))))
    removeLeaf(object, path);
  const mine: Manager = { ...writer, operation: 'Apply', paths: new Set(wanted.keys()) };
  return { object: kind.typed ? withoutEmpty(object) : object, managers: compact([...kept, mine]) };
}

/** Any other write: the manager that changes a field becomes its only owner. */
export function updateFields(
  live: Owned | undefined,
  next: KubeObject,
  writer: Writer,
  kind: SimulatedKind,
): Owned {
  const object = kind.typed ? withoutEmpty(next) : next;
  const [before, after] = [live ? leaves(live.object, kind) : new Map<Path, unknown>(), leaves(object, kind)];
  const written = new Set(
    [...after]
      .filter(([path, value]) => !(before.has(path) && isDeepStrictEqual(before.get(path), value)))
      .map(([path]) => path),
  );
  const removed = new Set([...before.keys()].filter((path) => !after.has(path)));
  const managers = live?.managers ?? [];
  const kept = managers.map((entry) => ({
    ...entry,
    paths: isSame(entry, writer, 'Update')
      ? new Set([...without(entry.paths, removed), ...written])
      : without(without(entry.paths, removed), written),
  }));
  const known = managers.some((entry) => isSame(entry, writer, 'Update'));
  return {
    object,
    managers: compact(known ? kept : [...kept, { ...writer, operation: 'Update', paths: written }]),
  };
}

/** `metadata.managedFields` of a stored object. */
export const managedFields = (managers: readonly Manager[], apiVersion: string): unknown[] =>
  managers.map(({ manager, operation, subresource, paths }) => ({
    manager,
    operation,
    apiVersion,
    fieldsType: 'FieldsV1',
    fieldsV1: fieldsV1(paths),
    ...(subresource ? { subresource } : {}),
  }));

const without = (paths: ReadonlySet<Path>, taken: ReadonlySet<Path>): Set<Path> =>
  new Set([...paths].filter((path) => !taken.has(path)));

const compact = (managers: readonly Manager[]): Manager[] => managers.filter(({ paths }) => paths.size > 0);

/** Typed objects are stored without empty maps and lists. */
function withoutEmpty<T extends object>(object: T): T {
  const entries = Object.entries(object).flatMap(([name, value]) => {
    if (value === null || value === undefined) return [];
    if (typeof value !== 'object') return [[name, value]];
    if (Array.isArray(value)) return value.length === 0 ? [] : [[name, value]];
    const inner = withoutEmpty(value as object);
    return Object.keys(inner).length === 0 && name !== 'metadata' ? [] : [[name, inner]];
  });
  return Object.fromEntries(entries) as T;
}
