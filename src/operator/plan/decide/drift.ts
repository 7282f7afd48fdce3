type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Paths of all values in a patch. Values are never told: some are secret. */
export function patchedFields(patch: Plain | undefined, prefix = ''): string[] {
  return Object.entries(patch ?? {}).flatMap(([name, value]) =>
    isPlain(value) ? patchedFields(value, `${prefix}${name}.`) : [`${prefix}${name}`],
  );
}

/** What is to be done about fields that differ: nothing was there before, the resource changed, or the stack did. */
export type Occasion = 'declared' | 'drifted';

/** What was declared when all was in place last is what is declared now: then somebody else has changed the stack. */
export const occasionOf = (syncedHash: string | undefined, declaredHash: string): Occasion =>
  syncedHash === declaredHash ? 'drifted' : 'declared';
