/** Object ids of the types, which PostgreSQL never changes. */
const TYPES = { text: 25, int4: 23, int8: 20 } as const;
export type ElementType = keyof typeof TYPES;

const HEAD_BYTES = 20;
const LENGTH_BYTES = 4;

/**
 * An array as a parameter in PostgreSQL's binary format. As a text, each quote and backslash of an element is escaped here
 * and read character by character there, and elements are mostly JSON. The statement must name the type:
 * `${postgresArray('text', values)}::text[]`. Numbers are integers that JavaScript holds exactly.
 */
export function postgresArray<T extends ElementType>(
  type: T,
  values: readonly (T extends 'text' ? string : number)[],
): Buffer {
  const sizes = values.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : bytesOf(type)));
  const bytes = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + LENGTH_BYTES + size, HEAD_BYTES));
  // One dimension, no null, the type, the length, and the index of the first element.
  const head = [1, 0, TYPES[type], values.length, 1];
  let at = 0;
  for (const number of head) at = bytes.writeInt32BE(number, at);
  for (const [index, value] of values.entries()) {
    const size = sizes[index] ?? 0;
    at = bytes.writeInt32BE(size, at);
    if (typeof value === 'string') at += bytes.write(value, at, size, 'utf8');
    else at = writeInteger(bytes, value, at, size);
  }
  return bytes;
}

const bytesOf = (type: ElementType): number => (type === 'int8' ? 8 : 4);

/** @returns the offset behind it */
function writeInteger(bytes: Buffer, value: number, at: number, size: number): number {
  if (size === 4) return bytes.writeInt32BE(value, at);
  const high = Math.floor(value / 2 ** 32);
  return bytes.writeUInt32BE(value - high * 2 ** 32, bytes.writeInt32BE(high, at));
}
