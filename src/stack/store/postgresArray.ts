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
  values: readonly ((T extends 'text' ? string : number) | null)[],
): Buffer {
  const sizes = values.map((value) => sizeOf(type, value));
  const total = sizes.reduce((sum, size) => sum + LENGTH_BYTES + Math.max(0, size), HEAD_BYTES);
  const bytes = Buffer.allocUnsafe(total);
  // One dimension, whether there are nulls, the type, the length, and the index of the first element.
  const head = [1, values.includes(null) ? 1 : 0, TYPES[type], values.length, 1];
  let at = 0;
  for (const number of head) at = bytes.writeInt32BE(number, at);
  for (const [index, value] of values.entries()) {
    const size = sizes[index] ?? 0;
    at = bytes.writeInt32BE(size, at);
    if (typeof value === 'string') at += bytes.write(value, at, size, 'utf8');
    else if (value !== null) at = writeInteger(bytes, value, at, size);
  }
  return bytes;
}

/** The length by which PostgreSQL knows a null. */
const NULL_SIZE = -1;

function sizeOf(type: ElementType, value: string | number | null): number {
  if (value === null) return NULL_SIZE;
  if (typeof value === 'string') return Buffer.byteLength(value);
  return type === 'int8' ? 8 : 4;
}

/** @returns the offset behind it */
function writeInteger(bytes: Buffer, value: number, at: number, size: number): number {
  if (size === 4) return bytes.writeInt32BE(value, at);
  const high = Math.floor(value / 2 ** 32);
  return bytes.writeUInt32BE(value - high * 2 ** 32, bytes.writeInt32BE(high, at));
}
