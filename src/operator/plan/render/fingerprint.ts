import { hashOf } from '../../../engine/kube/ownFields.ts';

/** What a child is made from. The parts of `spec` count one by one. */
export interface Inputs {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly [name: string]: unknown;
}

/** Short: an annotation holds one for each input, and two values of one input differ but once in four billion. */
const HASH_LENGTH = 8;

/**
 * The inputs of a child as an annotation: a hash for each, by name. What is undefined is left out, so that an input that
 * a later version of the operator adds changes nothing where it is not set.
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
    .sort(([a], [b]) => a.localeCompare(b));
  return { text: JSON.stringify(Object.fromEntries(hashes)), names: entries.map(([name]) => name) };
}

/**
 * Inputs that differ between two fingerprints. Only `names` are compared: an input that this version does not know any
 * more was changed by nobody. Undefined where `before` is no fingerprint.
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
