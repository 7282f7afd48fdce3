import * as z from 'zod';
import type { FieldMeta } from '../../src/operator/resource/fields.ts';
import { fieldMeta, unwrap } from '../../src/operator/resource/notImplemented.ts';

/** A field of the spec that holds a value of its own: `nodes.webapp.replicas`, `users[].name`. */
export interface Leaf {
  readonly path: string;
  readonly schema: z.ZodType;
}

/** All fields of the schema that hold values, except those that the operator does not act on: the status names them. */
export function leavesOf(schema: z.ZodType, path = ''): Leaf[] {
  const meta: FieldMeta = fieldMeta(schema);
  if (meta.planned === true) return [];
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject && Object.keys(inner.shape).length > 0)
    return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([name, field]) =>
      leavesOf(field, path ? `${path}.${name}` : name),
    );
  if (inner instanceof z.ZodArray) return leavesOf(inner.element as z.ZodType, `${path}[]`);
  return [{ path, schema: inner }];
}

type Plain = Record<string, unknown>;

/** Specs that differ from `spec` only in the field, if `spec` has it; of a list, in its first entry. */
export function changesOf(spec: object, { path, schema }: Leaf): object[] {
  const keys = path.split(/\.|(?=\[\])/);
  const current = keys.reduce<unknown>((value, key) => (value as Plain | undefined)?.[at(key)], spec);
  if (current === undefined) return [];
  return alternatives(schema, current).map((value) => {
    const copy = structuredClone(spec) as Plain;
    const last = keys.pop() ?? '';
    const holder = keys.reduce<Plain>((inner, key) => inner[at(key)] as Plain, copy);
    holder[at(last)] = value;
    keys.push(last);
    return copy;
  });
}

const at = (key: string): string => (key === '[]' ? '0' : key);

/** Other values than the present one. Some may be invalid, so the caller must parse the result. */
function alternatives(schema: z.ZodType, value: unknown): unknown[] {
  if (schema instanceof z.ZodEnum) return schema.options.filter((option) => option !== value);
  if (typeof value === 'boolean') return [!value];
  if (typeof value === 'number') return [value + 1, value - 1, value * 2, value / 2, 6, 12, 18, 24];
  if (typeof value === 'string')
    return [
      `${value}x`,
      `${value}1`,
      value.replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10)),
    ];
  return [{ ...(value as object), other: 'value' }];
}
