import type { KubeObject } from '../kubeObject.ts';
import { checkField, decodeField, type Fields, type Mask } from './decodeMessage.ts';
import type { Field, Message } from './schema.ts';
import { WireReader } from './wireReader.ts';

/** Not a name, so that nobody meets it who copies, compares or prints the object. */
const STATE = Symbol('undecoded');

interface WithState {
  readonly [STATE]: Undecoded;
}

/** The fields of an object that nobody has asked for yet, as one text with a character for each byte: it lies in the heap, compactly. */
class Undecoded {
  #bytes: string | undefined;
  #left: number;
  readonly #message: Message;
  readonly #values: Fields = {};

  constructor(message: Message, bytes: string, count: number) {
    this.#message = message;
    this.#bytes = bytes;
    this.#left = count;
  }

  valueOf({ name, number }: Field): unknown {
    if (this.#bytes === undefined || name in this.#values) return this.#values[name];
    const reader = new WireReader(Buffer.from(this.#bytes, 'latin1'));
    const end = reader.bytes.length;
    while (reader.at < end) {
      const tag = reader.unsigned(end);
      const field = this.#message.fields[tag >>> 3];
      if (field?.number === number) decodeField(this.#values, reader, field, tag & 7, end, true);
      else reader.skip(tag & 7, end);
    }
    Object.freeze(this.#values[name]);
    this.#left -= 1;
    if (this.#left === 0) this.#bytes = undefined;
    return this.#values[name];
  }
}

/** One for each field, shared by all objects: V8 then gives the objects one shape. */
const accessors = new Map<Field, PropertyDescriptor>();

function accessorOf(field: Field): PropertyDescriptor {
  let accessor = accessors.get(field);
  if (!accessor) {
    accessor = {
      enumerable: true,
      get(this: WithState) {
        return this[STATE].valueOf(field);
      },
    };
    accessors.set(field, accessor);
  }
  return accessor;
}

export interface LazyOptions {
  /** Fields to read at once; all others are dropped. Without it, a field is read when somebody asks for it. */
  readonly mask?: ReadonlyMap<string, Mask> | undefined;
  /** Whether to keep `metadata.managedFields`: half of the bytes, and few need them. */
  readonly managedFields: boolean;
}

/**
 * Reads an object: its metadata at once, a field like `spec` when somebody asks for it. What it keeps is checked as a whole, so
 * that asking never fails. The object looks as if its JSON had been parsed, and is frozen.
 *
 * @throws CodedError `MalformedProtobuf`
 */
export function lazyObject(
  reader: WireReader,
  message: Message,
  end: number,
  type: { readonly apiVersion: string; readonly kind: string },
  { mask, managedFields }: LazyOptions,
): KubeObject {
  const object: Fields = { apiVersion: type.apiVersion, kind: type.kind };
  const metadata = (field: Field, wireType: number): undefined => {
    if (!field.message || wireType !== 2) throw reader.malformed('metadata without a length');
    const fields: Fields = {};
    const stop = reader.stop(end);
    readFields(fields, reader, field.message, stop, (inner) => {
      if (inner.name !== 'managedFields') return true;
      return managedFields ? LATER : undefined;
    });
    object.metadata = fields;
  };
  readFields(object, reader, message, end, (field, wireType) => {
    if (field.name === 'metadata') return metadata(field, wireType);
    if (mask) return mask.get(field.name);
    return field.shape === 'one' && !field.message ? true : LATER;
  });
  return object as unknown as KubeObject;
}

const LATER = 'later';
/** What to do with a field: read it, keep it for later, or pass over it. */
type Choice = Mask | typeof LATER | undefined;

/** Reads the fields of a message, some of them later. A `choose` that reads the value itself returns nothing. */
function readFields(
  object: Fields,
  reader: WireReader,
  message: Message,
  end: number,
  choose: (field: Field, wireType: number) => Choice,
): void {
  const lazy: Field[] = [];
  const kept = new KeptBytes(reader.bytes);
  while (reader.at < end) {
    const start = reader.at;
    const tag = reader.unsigned(end);
    const field = message.fields[tag >>> 3];
    const from = reader.at;
    const choice = field && choose(field, tag & 7);
    if (reader.at !== from) continue;
    if (!field || !choice) reader.skip(tag & 7, end);
    else {
      checkField(reader, field, tag & 7, end);
      if (choice === LATER) {
        kept.add(start, reader.at);
        if (!lazy.includes(field)) lazy.push(field);
      } else {
        const to = reader.at;
        reader.at = from;
        decodeField(object, reader, field, tag & 7, end, choice);
        reader.at = to;
      }
    }
  }
  for (const value of Object.values(object)) Object.freeze(value);
  for (const field of lazy) Object.defineProperty(object, field.name, accessorOf(field));
  if (lazy.length > 0)
    Object.defineProperty(object, STATE, { value: new Undecoded(message, kept.text(), lazy.length) });
  for (const field of message.nulls)
    if (!(field.name in object) && choose(field, field.wireType)) object[field.name] = null;
  Object.freeze(object);
}

/** Parts of bytes as one text. Neighbours are copied together. */
class KeptBytes {
  readonly #bytes: Buffer;
  #text = '';
  #from = 0;
  #to = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  add(from: number, to: number): void {
    if (from !== this.#to) {
      this.#text = this.text();
      this.#from = from;
    }
    this.#to = to;
  }

  text(): string {
    if (this.#from === this.#to) return this.#text;
    const last = this.#bytes.toString('latin1', this.#from, this.#to);
    return this.#text === '' ? last : this.#text + last;
  }
}
