import { hashOf } from '../../../engine/kube/ownFields.ts';

/** The inputs of a child. Each field of `spec` counts as an input of its own. */
export interface Inputs {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly [name: string]: unknown;
}

/** Short, because an annotation holds one hash per input. Two values of an input collide once in four billion. */
const HASH_LENGTH = 8;

/**
 * The inputs of a child as an annotation: a hash for each, by name. Undefined inputs are left out, so that an input that
 * a later operator version adds changes nothing unless it is set.
 */
export function fingerprint(inputs: Inputs): { readonly text: string; readonly names: readonly string[] } {
  const entries = Object.entries(inputs).flatMap(([name, value]): [string, unknown][] =>
    name === 'spec' && inputs.spec
      ? Object.entries(inputs.spec).map(([field, part]) => [`spec.${field}`, part])
      : [[name, value]],
  );
  const hashes = entries
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, hashOf(value).slice(0, HASH_LENGTH)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return { text: JSON.stringify(Object.fromEntries(hashes)), names: entries.map(([name]) => name) };
}

/**
 * Inputs that differ between two fingerprints. Only `names` are compared, so that an input that this version no longer
 * knows does not count as changed. Undefined if `before` is not a fingerprint.
 */
export function changedInputs(
  before: string | undefined,
  after: string | undefined,
  names: readonly string[],
): string[] | undefined {
  const [old, now] = [parse(before), parse(after)];
  return old && now && names.filter((name) => old[name] !== now[name]);
}

function parse(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
