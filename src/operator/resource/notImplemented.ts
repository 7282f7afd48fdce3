import * as z from 'zod';
import type { FieldMeta } from './fields.ts';

/** The schema without its defaults and optionals. */
export function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodCatch) {
    return unwrap(schema.unwrap() as z.ZodType);
  }
  return schema;
}

/** Metadata of a field, collected from every level of its defaults and optionals. */
export function fieldMeta(schema: z.ZodType): FieldMeta {
  const own = (schema.meta() ?? {}) as FieldMeta;
  const inner =
    schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? schema.unwrap() : undefined;
  return inner ? { ...fieldMeta(inner as z.ZodType), ...own } : own;
}

/** What of a schema is marked `planned`: the whole field, some of its values, or something within it. */
interface Planned {
  readonly all: boolean;
  readonly values: readonly unknown[];
  readonly fields: readonly (readonly [name: string, planned: Planned])[];
  readonly items: Planned | undefined;
}

/** By schema: few fields are planned, so a look at them alone is much cheaper than one at the whole schema. */
const plannedOfSchemas = new WeakMap<z.ZodType, Planned>();

function plannedIn(schema: z.ZodType): Planned | undefined {
  const { planned } = fieldMeta(schema);
  const inner = unwrap(schema);
  const shape: Record<string, z.ZodType> = inner instanceof z.ZodObject ? inner.shape : {};
  const found = {
    all: planned === true,
    values: Array.isArray(planned) ? planned : [],
    fields: Object.entries(shape).flatMap(([name, field]) => {
      const within = plannedIn(field);
      return within ? [[name, within] as const] : [];
    }),
    items: inner instanceof z.ZodArray ? plannedIn(inner.element as z.ZodType) : undefined,
  };
  return found.all || found.values.length + found.fields.length > 0 || found.items ? found : undefined;
}

const NOTHING_PLANNED: Planned = { all: false, values: [], fields: [], items: undefined };

/**
 * Paths in `value` that nothing acts on yet: fields and values marked `planned`.
 *
 * @returns e.g. `['spec.backup', 'spec.deletionPolicy=Snapshot']`
 */
export function notImplementedPaths(schema: z.ZodType, value: unknown): string[] {
  const planned = plannedOfSchemas.get(schema) ?? plannedIn(schema) ?? NOTHING_PLANNED;
  plannedOfSchemas.set(schema, planned);
  return pathsOf(planned, value, 'spec');
}

function pathsOf({ all, values, fields, items }: Planned, value: unknown, path: string): string[] {
  if (value === undefined) return [];
  if (all) return [path];
  if (values.includes(value)) return [`${path}=${String(value)}`];
  if (items && Array.isArray(value))
    return value.flatMap((entry, index) => pathsOf(items, entry, `${path}[${index}]`));
  if (typeof value !== 'object' || value === null) return [];
  const parts = value as Readonly<Record<string, unknown>>;
  return fields.flatMap(([name, planned]) => pathsOf(planned, parts[name], `${path}.${name}`));
}
