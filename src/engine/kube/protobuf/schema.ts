import { KIND_MESSAGES, MESSAGES } from './messages.ts';

/** Values whose JSON is not that of the fields of a message. */
type ScalarType =
  | 'string'
  | 'bytes'
  | 'bool'
  | 'int'
  | 'Time'
  | 'MicroTime'
  | 'Quantity'
  | 'IntOrString'
  | 'Json';

export interface Field {
  readonly number: number;
  readonly name: string;
  readonly shape: 'one' | 'list' | 'map';
  readonly type: ScalarType | 'message';
  /** Of the value: 0 for a number on the wire, 2 for bytes with a length. */
  readonly wireType: 0 | 2;
  /** Its own fields stand in the object that contains it. */
  readonly isInline: boolean;
  /** JSON leaves the field out while it is empty; a pointer is empty only if it is not there. */
  readonly omitsEmpty: boolean;
  /** JSON leaves out an empty value whatever its type. */
  readonly omitsZero: boolean;
  readonly isPointer: boolean;
  /** The type of a message. */
  readonly message: Message | undefined;
}

export interface Message {
  readonly name: string;
  /** By number. */
  readonly fields: readonly (Field | undefined)[];
  /** Fields that JSON shows as null while the wire leaves them out: empty lists and maps, and pointers to nothing. */
  readonly nulls: readonly Field[];
  /** What JSON says of an object within another; the wire leaves it out. */
  readonly typeMeta: { readonly apiVersion: string; readonly kind: string } | undefined;
}

const KINDS_BY_MESSAGE = new Map(Object.entries(KIND_MESSAGES).map(([kind, message]) => [message, kind]));
const VARINTS: ReadonlySet<string> = new Set(['bool', 'int']);
const compiled = new Map<string, Message>();

/** A message of the table. @throws if the table has no message of this name */
export function messageNamed(name: string): Message {
  const known = compiled.get(name);
  if (known) return known;
  const entries = MESSAGES[name];
  if (!entries) throw new Error(`no message ${name}`);
  const fields: (Field | undefined)[] = [];
  const nulls: Field[] = [];
  const message: Message = { name, fields, nulls, typeMeta: typeMetaOf(name) };
  // Before its fields, for a message may contain itself.
  compiled.set(name, message);
  for (const [number, entry] of Object.entries(entries)) {
    const field = fieldOf(Number(number), entry);
    // An array of numbered fields has a hole for each number that is not used.
    while (fields.length < field.number) fields.push(undefined);
    fields.push(field);
    const canBeAbsent = field.shape !== 'one' || field.isPointer || field.type === 'bytes';
    if (canBeAbsent && !field.omitsEmpty && !field.omitsZero && !field.isInline) nulls.push(field);
  }
  return message;
}

/** The message of a kind; undefined for a kind that the table does not hold, such as a custom resource. */
export const messageOfKind = (apiVersion: string, kind: string): Message | undefined => {
  const name = KIND_MESSAGES[`${apiVersion}/${kind}`];
  return name === undefined ? undefined : messageNamed(name);
};

/** An entry of the table: the name in JSON or `-`, `?` or `!` for what JSON leaves out, a blank, `*`, `[]` or `{}`, the type. */
const ENTRY = /^(-|\w+)([?!]?) (\*|\[\]|\{\})?([\w.]+)$/;

function fieldOf(number: number, entry: string): Field {
  const [, name = '', presence, prefix, type = ''] = ENTRY.exec(entry) ?? [];
  if (!name) throw new Error(`cannot read the entry ${entry}`);
  const isMessage = type.includes('.');
  return {
    number,
    name,
    shape: prefix === '[]' ? 'list' : prefix === '{}' ? 'map' : 'one',
    type: isMessage ? 'message' : (type as ScalarType),
    wireType: VARINTS.has(type) ? 0 : 2,
    isInline: name === '-',
    omitsEmpty: presence === '?',
    omitsZero: presence === '!',
    isPointer: prefix === '*',
    message: isMessage ? messageNamed(type) : undefined,
  };
}

function typeMetaOf(name: string): Message['typeMeta'] {
  const kind = KINDS_BY_MESSAGE.get(name);
  if (kind === undefined) return undefined;
  const at = kind.lastIndexOf('/');
  return { apiVersion: kind.slice(0, at), kind: kind.slice(at + 1) };
}
