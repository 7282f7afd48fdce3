import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';

/** Edits of Kubernetes objects as a person makes them, and what the operator owned before. */

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One edit of one field. */
export interface Edit {
  /** `change spec.ports.0.port` */
  readonly name: string;
  readonly apply: (object: KubeObject) => KubeObject;
}

const METADATA = ['labels', 'annotations', 'ownerReferences'];

/** Says that the object belongs to a resource that does not exist, so Kubernetes deletes it, in its own time. */
const OTHER_OWNER = /^change metadata\.ownerReferences\.\d+\.uid$/;

/** Every field of an object changed, removed, and joined by another one. */
export function editsOf(object: KubeObject): Edit[] {
  const { apiVersion: _, kind: __, metadata, status: ___, ...content } = object;
  const marks = Object.fromEntries(
    METADATA.flatMap((key) => (key in metadata ? [[key, metadata[key as 'labels']]] : [])),
  );
  return [...below(['metadata'], marks), ...below([], content)].filter(({ name }) => !OTHER_OWNER.test(name));
}

function below(path: readonly string[], value: unknown): Edit[] {
  if (!isFields(value) && !Array.isArray(value)) return [];
  const entries = Object.entries(value);
  const add = Array.isArray(value)
    ? edit('add to', path, (list) =>
        // An entry of somebody else may be at its place by now.
        Array.isArray(list) ? [...(list as unknown[]), another(value.at(-1))] : list,
      )
    : edit('add to', path, (fields) => ({ ...(fields as Fields), mutated: another(entries.at(-1)?.[1]) }));
  return [
    ...(path.length > 1 ? [add] : []),
    ...entries.flatMap(([key, inner]) => {
      const at = [...path, key];
      const change = isFields(inner) || Array.isArray(inner) ? [] : [edit('change', at, another)];
      return [...change, edit('remove', at, () => undefined), ...below(at, inner)];
    }),
  ];
}

/** A value like this one, and not this one. */
function another(value: unknown): unknown {
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return SIBLINGS[value] ?? (/^\d+[KMG]i$/.test(value) ? '3Gi' : `${value}x`);
  if (Array.isArray(value)) return value.map(another);
  if (isFields(value))
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, another(inner)]));
  return 'x';
}

/** For fields that take only some words. */
const SIBLINGS: Readonly<Record<string, string>> = {
  ClusterIP: 'LoadBalancer',
  RollingUpdate: 'Recreate',
  Recreate: 'RollingUpdate',
  OnDelete: 'RollingUpdate',
  AlwaysAllow: 'IfHealthyBudget',
  RuntimeDefault: 'Unconfined',
  OnRootMismatch: 'Always',
  HTTPS: 'HTTP',
  TCP: 'UDP',
  ScheduleAnyway: 'DoNotSchedule',
  IfNotPresent: 'Always',
};

function edit(verb: string, path: readonly string[], change: (value: unknown) => unknown): Edit {
  return {
    name: `${verb} ${path.join('.')}`,
    apply: (object) => changeAt(object, path, change) as KubeObject,
  };
}

function changeAt(
  value: unknown,
  [key, ...rest]: readonly string[],
  change: (value: unknown) => unknown,
): unknown {
  if (key === undefined) return change(value);
  if (Array.isArray(value))
    return value.flatMap((item, index) => {
      if (index !== Number(key)) return [item];
      const next = changeAt(item, rest, change);
      return next === undefined ? [] : [next];
    });
  const { [key]: inner, ...others } = (value ?? {}) as Fields;
  const next = changeAt(inner, rest, change);
  return next === undefined ? others : { ...others, [key]: next };
}

/** The merge patch from one object to another. */
export function mergePatchOf(before: unknown, after: unknown): unknown {
  if (!isFields(before) || !isFields(after)) return after;
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return Object.fromEntries(
    [...keys]
      .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
      .map((key) => [key, key in after ? mergePatchOf(before[key], after[key]) : null]),
  );
}

/** The values of the fields of a manager, by its entry in managedFields: the API server's own view of what it merges. */
export function ownedValues(fieldsV1: unknown, value: unknown): unknown {
  const entries = Object.entries((fieldsV1 ?? {}) as Fields).filter(([key]) => key !== '.');
  if (entries.length === 0) return value;
  const found = entries.map(([key, inner]) => {
    if (key.startsWith('f:')) return [key, ownedValues(inner, (value as Fields | undefined)?.[key.slice(2)])];
    if (!key.startsWith('k:')) return [key, undefined];
    const wanted = Object.entries(JSON.parse(key.slice(2)) as Fields);
    const list = Array.isArray(value) ? (value as Fields[]) : [];
    const matches = list.filter((item) => wanted.every(([name, expected]) => item[name] === expected));
    return [key, matches.length === 1 ? ownedValues(inner, matches[0]) : `${matches.length} entries`];
  });
  return Object.fromEntries(found) as unknown;
}

export const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    isFields(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a.localeCompare(b)))
      : inner,
  );
