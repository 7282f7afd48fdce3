type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Paths of all values in a patch, without the values: some are secret. */
export function patchedFields(patch: Plain | undefined, prefix = ''): string[] {
  return Object.entries(patch ?? {}).flatMap(([name, value]) =>
    isPlain(value) ? patchedFields(value, `${prefix}${name}.`) : [`${prefix}${name}`],
  );
}

/** Why fields differ: the resource declares something new, or the stack changed. */
export type Occasion = 'declared' | 'drifted';

/** If the declaration is the same as when the stack last matched it, another client changed the stack. */
export const occasionOf = (syncedHash: string | undefined, declaredHash: string): Occasion =>
  syncedHash === declaredHash ? 'drifted' : 'declared';
