/** The parts of an entry of `metadata.managedFields` that say which manager owns which field. */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly time?: string;
  readonly subresource?: string;
  readonly fieldsV1?: unknown;
}

/**
 * Managers that own a field, by a path as `differences` gives it: `spec.containers[name=app].image`, `args[0]`. Only
 * the managers of the object itself; those of a subresource write elsewhere.
 */
export function fieldOwners(managedFields: readonly ManagedFields[], path: string): string[] {
  const steps = parsePath(path);
  const owners = managedFields.filter(({ subresource, fieldsV1 }) => !subresource && owns(fieldsV1, steps));
  return [...new Set(owners.flatMap(({ manager }) => manager ?? []))];
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
