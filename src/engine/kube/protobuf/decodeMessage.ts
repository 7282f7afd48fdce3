import { WIRE } from './messages.ts';
import type { Field, Message } from './schema.ts';
import { WireReader } from './wireReader.ts';

export type Fields = Record<string, unknown>;

/** Which fields to read: all, or these, by their names in JSON. */
export type Mask = true | ReadonlyMap<string, Mask>;

/**
 * Checks that the bytes have the form of a message, so that it can be decoded later without an error. It allocates nothing.
 *
 * @throws CodedError `MalformedProtobuf`
 */
export function checkMessage(reader: WireReader, message: Message, end: number): void {
  while (reader.at < end) {
    const tag = reader.unsigned(end);
    const field = message.fields[tag >>> 3];
    if (!field) reader.skip(tag & 7, end);
    else checkField(reader, field, tag & 7, end);
  }
}

/** Checks the value after a tag. */
export function checkField(reader: WireReader, field: Field, wireType: number, end: number): void {
  if (field.shape === 'map') {
    if (wireType !== 2) throw reader.malformed(`${field.name} with wire type ${wireType}`);
    const stop = reader.stop(end);
    while (reader.at < stop) {
      const tag = reader.unsigned(stop);
      if (tag >>> 3 === WIRE['MapEntry.value']) checkValue(reader, field, tag & 7, stop);
      else reader.skip(tag & 7, stop);
    }
  } else checkValue(reader, field, wireType, end);
}

function checkValue(reader: WireReader, field: Field, wireType: number, end: number): void {
  const isPacked = wireType === 2 && field.wireType === 0 && field.shape === 'list';
  if (wireType !== field.wireType && !isPacked)
    throw reader.malformed(`${field.name} with wire type ${wireType}`);
  if (wireType === 0) {
    reader.skip(0, end);
    return;
  }
  const stop = reader.stop(end);
  if (field.message) checkMessage(reader, field.message, stop);
  else if (isPacked) while (reader.at < stop) reader.skip(0, stop);
  else checkScalar(reader, field, stop);
  reader.at = stop;
}

function checkScalar(reader: WireReader, { type }: Field, end: number): void {
  if (type !== 'string' && type !== 'bytes' && type !== 'Json')
    while (reader.at < end) reader.skip(reader.unsigned(end) & 7, end);
}

/** The message as its JSON would be parsed, frozen. The bytes must have been checked. */
export function decodeMessage(reader: WireReader, message: Message, end: number, mask: Mask = true): Fields {
  const fields: Fields = message.typeMeta ? { ...message.typeMeta } : {};
  decodeInto(fields, reader, message, end, mask);
  for (const value of Object.values(fields))
    if (typeof value === 'object' && value !== null) Object.freeze(value);
  return Object.freeze(fields);
}

function decodeInto(fields: Fields, reader: WireReader, message: Message, end: number, mask: Mask): void {
  while (reader.at < end) {
    const tag = reader.unsigned(end);
    const field = message.fields[tag >>> 3];
    const inner = !field || field.isInline || mask === true ? mask : mask.get(field.name);
    if (field && inner !== undefined) decodeField(fields, reader, field, tag & 7, end, inner);
    else reader.skip(tag & 7, end);
  }
  for (const { name } of message.nulls)
    if (fields[name] === undefined && (mask === true || mask.has(name))) fields[name] = null;
}

/**
 * Reads the value after a tag into `fields`; lists and maps come entry by entry, and are not frozen yet. `mask` says what of the
 * value to read.
 */
export function decodeField(
  fields: Fields,
  reader: WireReader,
  field: Field,
  wireType: number,
  end: number,
  mask: Mask,
): void {
  const { name, shape } = field;
  if (shape === 'list') {
    fields[name] ??= [];
    const list = fields[name] as unknown[];
    if (wireType === field.wireType) list.push(decodeValue(reader, field, end, mask));
    else
      for (const stop = reader.stop(end); reader.at < stop; )
        list.push(decodeValue(reader, field, stop, mask));
  } else if (shape === 'map') {
    fields[name] ??= {};
    decodeEntry(fields[name] as Fields, reader, field, reader.stop(end), mask);
  } else if (field.isInline && field.message)
    decodeInto(fields, reader, field.message, reader.stop(end), mask);
  else {
    const value = decodeValue(reader, field, end, mask);
    if (!isLeftOut(field, value)) fields[name] = value;
  }
}

function isLeftOut({ omitsEmpty, omitsZero, isPointer, type }: Field, value: unknown): boolean {
  if (isPointer) return false;
  if (omitsZero) return isEmpty(value) || (type === 'message' && Object.keys(value as object).length === 0);
  return omitsEmpty && OMITTED_EMPTY.has(type) && isEmpty(value);
}

/** In Go the others are structs, which are never empty. */
const OMITTED_EMPTY: ReadonlySet<string> = new Set(['string', 'bytes', 'bool', 'int']);

const isEmpty = (value: unknown): boolean => value === '' || value === 0 || value === false || value === null;

function decodeEntry(map: Fields, reader: WireReader, field: Field, end: number, mask: Mask): void {
  let key = '';
  let value: unknown;
  while (reader.at < end) {
    const tag = reader.unsigned(end);
    if (tag >>> 3 === WIRE['MapEntry.key']) key = reader.text(reader.stop(end));
    else if (tag >>> 3 === WIRE['MapEntry.value']) value = decodeValue(reader, field, end, mask);
    else reader.skip(tag & 7, end);
  }
  value ??= field.type === 'int' ? 0 : field.type === 'bool' ? false : field.message ? {} : '';
  if (mask !== true && !mask.has(key)) return;
  // An assignment to this name would change the prototype; JSON.parse makes it a property like any other.
  if (key === '__proto__')
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  else map[key] = value;
}

function decodeValue(reader: WireReader, field: Field, end: number, mask: Mask): unknown {
  if (field.type === 'int') return reader.signed(end);
  if (field.type === 'bool') return reader.signed(end) !== 0;
  const stop = reader.stop(end);
  if (field.message) return decodeMessage(reader, field.message, stop, mask);
  switch (field.type) {
    case 'string':
      return reader.text(stop);
    case 'Time':
    case 'MicroTime':
      return decodeTime(reader, stop, field.type === 'MicroTime');
    case 'IntOrString':
      return decodeIntOrString(reader, stop);
    case 'Quantity': {
      let text = '0';
      readScalars(reader, stop, (number, inner) => {
        if (number === WIRE['Quantity.string']) text = reader.text(inner);
      });
      return text;
    }
    default: {
      const { at, bytes } = reader;
      reader.at = stop;
      return field.type === 'bytes' ? bytes.toString('base64', at, stop) : decodeJson(reader, at, stop);
    }
  }
}

/** Calls back with each field: with where its text ends, or with its number. */
function readScalars(
  reader: WireReader,
  end: number,
  take: (number: number, stop: number, value: number) => void,
): void {
  while (reader.at < end) {
    const tag = reader.unsigned(end);
    const value = (tag & 7) === 0 ? reader.signed(end) : 0;
    const stop = (tag & 7) === 2 ? reader.stop(end) : reader.at;
    if ((tag & 7) === 1 || (tag & 7) === 5) reader.skip(tag & 7, end);
    take(tag >>> 3, stop, value);
    if ((tag & 7) === 2) reader.at = stop;
  }
}

/** The last second that was read: objects that are made together have the same. */
let lastSecond = Number.NaN;
let lastText = '';

/** RFC 3339 in UTC; null for the time that Go calls zero, which is an empty message. */
function decodeTime(reader: WireReader, end: number, isMicro: boolean): string | null {
  if (reader.at === end) return null;
  let seconds = 0;
  let nanos = 0;
  readScalars(reader, end, (number, _, value) => {
    if (number === WIRE['Time.seconds']) seconds = value;
    else if (number === WIRE['Time.nanos']) nanos = value;
  });
  if (seconds !== lastSecond) {
    const date = new Date(seconds * 1000);
    // A time beyond the calendar of JavaScript has no text; one beyond that of RFC 3339 no JSON either.
    lastText = Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(0, -5);
    lastSecond = seconds;
  }
  const fraction = isMicro ? `.${String(Math.trunc(nanos / 1000)).padStart(6, '0')}` : '';
  return `${lastText}${fraction}Z`;
}

function decodeIntOrString(reader: WireReader, end: number): string | number {
  let isString = false;
  let number = 0;
  let text = '';
  readScalars(reader, end, (which, stop, value) => {
    if (which === WIRE['IntOrString.type']) isString = value !== 0;
    else if (which === WIRE['IntOrString.intVal']) number = value;
    else if (which === WIRE['IntOrString.strVal']) text = reader.text(stop);
  });
  return isString ? text : number;
}

/** JSON within protobuf: a message with one field, the text. */
function decodeJson({ bytes }: WireReader, at: number, end: number): unknown {
  const inner = new WireReader(bytes, at);
  let value: unknown = null;
  readScalars(inner, end, (number, stop) => {
    if (number !== WIRE['FieldsV1.Raw']) return;
    try {
      value = JSON.parse(bytes.toString('utf8', inner.at, stop));
    } catch {
      throw inner.malformed('JSON within it');
    }
  });
  return value;
}
