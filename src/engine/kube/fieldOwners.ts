import { identity } from './mergeTypes.ts';

/** The parts of an entry of `metadata.managedFields` that say which manager owns which field. */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly time?: string;
  readonly subresource?: string;
  readonly fieldsV1?: unknown;
}

/** A manager as a person knows it: `kubectl-edit`, or `kubectl (subresource scale)`. */
const describe = ({ manager = 'an unnamed manager', subresource }: ManagedFields): string =>
  subresource ? `${manager} (subresource ${subresource})` : manager;

/** Managers that own a field, by a path as `differences` gives it: `spec.containers[name=app].image`, `args[0]`. */
export function fieldOwners(managedFields: readonly ManagedFields[], path: string): string[] {
  const steps = parsePath(path);
  const owners = managedFields.filter(({ fieldsV1 }) => owns(fieldsV1, steps));
  return [...new Set(owners.map(describe))];
}

/**
 * The manager that last wrote something beside a field: a field that was removed has no owner. Undefined if no manager
 * wrote there.
 */
export function lastWriterNear(managedFields: readonly ManagedFields[], path: string): string | undefined {
  const steps = parsePath(path);
  const byAge = managedFields
    .filter(({ subresource }) => subresource !== 'status')
    .sort((a, b) => (b.time ?? '').localeCompare(a.time ?? ''));
  for (let length = steps.length - 1; length > 0; length--) {
    const writer = byAge.find(({ fieldsV1 }) => owns(fieldsV1, steps.slice(0, length)));
    if (writer) return describe(writer);
  }
  return undefined;
}

type Step =
  | { readonly field: string }
  | { readonly key: string; readonly value: string }
  | { readonly index: number };

/** A key may hold dots (`metadata.annotations.example.org/x`), so such a path is matched piece by piece below. */
function parsePath(path: string): Step[] {
  return [...path.matchAll(/\[([^\]=]+)=([^\]]*)\]|\[(\d+)\]|([^.[\]]+)/g)].map(
    ([, key, value, index, field]): Step => {
      if (key !== undefined) return { key, value: value ?? '' };
      return index === undefined ? { field: field ?? '' } : { index: Number(index) };
    },
  );
}

function owns(fields: unknown, steps: readonly Step[]): boolean {
  const [step, ...rest] = steps;
  if (typeof fields !== 'object' || fields === null) return false;
  const entries = Object.entries(fields).filter(([name]) => name !== '.');
  // The manager owns the whole value: a leaf, or a list that is replaced as one.
  if (entries.length === 0 || !step) return true;
  if ('index' in step) return false;
  if ('key' in step) {
    const match = entries.find(([name]) => {
      if (!name.startsWith('k:')) return false;
      const keys = JSON.parse(name.slice(2)) as Record<string, unknown>;
      return String(keys[step.key]) === step.value;
    });
    return match !== undefined && owns(match[1], rest);
  }
  return entries.some(([name, inner]) => {
    if (name === `f:${step.field}`) return owns(inner, rest);
    // A key with dots was split into several steps.
    const joined = rest.findIndex((_, end) => name === `f:${fieldNames(steps.slice(0, end + 2))}`);
    return joined !== -1 && owns(inner, steps.slice(joined + 2));
  });
}

const fieldNames = (steps: readonly Step[]): string =>
  steps.map((step) => ('field' in step ? step.field : '')).join('.');

/**
 * After a replacement, a manager owns the fields that it replaced by an entry of its own. This puts those of its manifest
 * into its entry for server-side apply, so that a field which leaves the manifest later is removed. client-go does the
 * same in its package `csaupgrade`. What the replacement wrote of others stays theirs. Undefined if there is nothing to do.
 */
export function joinedOwnership(
  managedFields: readonly ManagedFields[],
  manager: string,
  manifest: object,
): ManagedFields[] | undefined {
  const isOurs = (entry: ManagedFields) => entry.manager === manager && !entry.subresource;
  const replaced = managedFields.find((entry) => isOurs(entry) && entry.operation === 'Update');
  if (!replaced) return undefined;
  const applied = managedFields.find((entry) => isOurs(entry) && entry.operation === 'Apply');
  const joined: ManagedFields = {
    ...replaced,
    operation: 'Apply',
    fieldsV1: union(applied?.fieldsV1 ?? {}, within(replaced.fieldsV1 ?? {}, manifest)),
  };
  return [...managedFields.filter((entry) => entry !== replaced && entry !== applied), joined];
}

/** The part of a set of fields that an object has. */
function within(fields: unknown, object: unknown): unknown {
  const entries = Object.entries((fields ?? {}) as Record<string, unknown>);
  return Object.fromEntries(
    entries.flatMap(([name, inner]) => {
      if (name === '.') return [[name, inner]];
      const found = valueAt(name, object);
      return found === undefined ? [] : [[name, within(inner, found)]];
    }),
  );
}

/** What is at a step of `fieldsV1`: `f:image`, `k:{"name":"app"}`, `v:"a"`. */
function valueAt(step: string, object: unknown): unknown {
  const [kind, rest] = [step.slice(0, 1), step.slice(2)];
  if (kind === 'f') return (object as Record<string, unknown> | undefined)?.[rest];
  if (!Array.isArray(object)) return undefined;
  const wanted: unknown = JSON.parse(rest);
  if (kind === 'v') return object.find((item) => item === wanted);
  const keys = Object.keys(wanted as object);
  return object.find((item) => identity(item, keys) === identity(wanted, keys));
}

function union(a: unknown, b: unknown): unknown {
  if (typeof a !== 'object' || a === null) return b;
  if (typeof b !== 'object' || b === null) return a;
  const [left, right] = [a, b] as [Record<string, unknown>, Record<string, unknown>];
  return {
    ...left,
    ...Object.fromEntries(Object.entries(right).map(([key, value]) => [key, union(left[key], value)])),
  };
}
