type Schema = Readonly<Record<string, unknown>>;

/** The TypeScript type of what a JSON Schema describes. Fields with a default are optional in what is sent. */
export function typeOf(schema: Schema): string {
  if ('const' in schema) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  for (const either of ['anyOf', 'oneOf'] as const)
    if (Array.isArray(schema[either])) return `(${(schema[either] as Schema[]).map(typeOf).join(' | ')})`;
  if (Array.isArray(schema.allOf)) return `(${(schema.allOf as Schema[]).map(typeOf).join(' & ')})`;
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type;
    case 'number':
    case 'integer':
      return 'number';
    case 'array':
      return `readonly ${element(schema.items as Schema | undefined)}[]`;
    case 'object':
      return typeOfObject(schema);
    default:
      return 'unknown';
  }
}

function element(items: Schema = {}): string {
  const type = typeOf(items);
  return /[ |&]/.test(type) && !/^[({]/.test(type) ? `(${type})` : type;
}

function typeOfObject({ properties = {}, required = [], additionalProperties }: Schema): string {
  const fields = Object.entries(properties as Record<string, Schema>).map(([name, schema]) => {
    const mark = (required as string[]).includes(name) ? '' : '?';
    const comment = typeof schema.description === 'string' ? `/** ${schema.description} */ ` : '';
    return `${comment}readonly ${/^\w+$/.test(name) ? name : JSON.stringify(name)}${mark}: ${typeOf(schema)}`;
  });
  const isOpen = typeof additionalProperties === 'object';
  const more = isOpen ? Object.keys(additionalProperties as object).length > 0 : false;
  // Fields of any kind beside known ones would have to fit them as well.
  if (isOpen)
    fields.push(
      `readonly [name: string]: ${more && fields.length === 0 ? typeOf(additionalProperties as Schema) : 'unknown'}`,
    );
  return fields.length === 0 ? 'Readonly<Record<string, never>>' : `{ ${fields.join('; ')} }`;
}
