import fc from 'fast-check';
import * as z from 'zod';

type Schema = { readonly [key: string]: unknown };

const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.double(),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    'x'.repeat(5000),
    '../../etc/passwd',
    "'; DROP TABLE messages; --",
    '{{1}}',
    '💥',
  ),
  fc.array(fc.anything(), { maxLength: 3 }),
  fc.constant({ __proto__: { admin: true } }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Bodies that are almost valid: the fields and types of the shape, with occasional junk. */
export function arbitraryBody(shape: z.ZodType): fc.Arbitrary<unknown> {
  const schema = z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' }) as Schema;
  return mostly(of(schema, 0));
}

const mostly = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 8, arbitrary: right }, { weight: 1, arbitrary: junk });

function of(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  if (depth > 5) return junk;
  const { type, properties, items, enum: values, anyOf, const: constant } = schema;
  if (constant !== undefined) return fc.constant(constant);
  if (Array.isArray(values)) return fc.constantFrom(...values);
  if (Array.isArray(anyOf)) return fc.oneof(...anyOf.map((choice) => of(choice as Schema, depth + 1)));
  if (type === 'object' && properties) {
    const fields = Object.entries(properties).map(([name, field]) => [
      name,
      mostly(of(field as Schema, depth + 1)),
    ]);
    return fc
      .tuple(
        fc.record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>, { requiredKeys: [] }),
        fc.option(fc.dictionary(fc.string(), junk, { maxKeys: 2 }), { freq: 5, nil: {} }),
      )
      .map(([known, more]) => ({ ...more, ...known }));
  }
  if (type === 'object') return fc.dictionary(fc.string(), junk, { maxKeys: 3 });
  if (type === 'array')
    return fc.array(mostly(of((items as Schema | undefined) ?? {}, depth + 1)), { maxLength: 4 });
  if (type === 'boolean') return fc.boolean();
  if (type === 'integer' || type === 'number')
    return fc.oneof(fc.integer({ min: -2, max: 100 }), fc.double());
  if (type === 'string')
    return fc.oneof(
      fc.string({ maxLength: 80 }),
      fc.constantFrom('123456', '16505551234', 'https://127.0.0.1:9/b', 'en', 'x'),
    );
  return junk;
}
