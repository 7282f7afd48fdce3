import { z } from 'zod';
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

/**
 * Paths in `value` that nothing acts on yet: fields and values marked `planned`.
 *
 * @returns e.g. `['spec.backup', 'spec.deletionPolicy=Snapshot']`
 */
export function notImplementedPaths(schema: z.ZodType, value: unknown, path = 'spec'): string[] {
  if (value === undefined) return [];
  const { planned } = fieldMeta(schema);
  if (planned === true) return [path];
  if (planned?.some((candidate) => candidate === value)) return [`${path}=${String(value)}`];

  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject && typeof value === 'object' && value !== null) {
    const fields: Record<string, z.ZodType> = inner.shape;
    return Object.entries(fields).flatMap(([name, field]) =>
      notImplementedPaths(field, (value as Record<string, unknown>)[name], `${path}.${name}`),
    );
  }
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    const item = inner.element as z.ZodType;
    return value.flatMap((entry, index) => notImplementedPaths(item, entry, `${path}[${index}]`));
  }
  return [];
}
