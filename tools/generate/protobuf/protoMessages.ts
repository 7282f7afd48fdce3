/** A field as a `.proto` file declares it. */
export interface ProtoField {
  readonly number: number;
  readonly name: string;
  readonly shape: 'one' | 'list' | 'map';
  /** A scalar, or the full name of a message, such as `k8s.io.api.core.v1.Pod`. */
  readonly type: string;
}

/** Full name of a message → its fields. */
export type ProtoMessages = ReadonlyMap<string, readonly ProtoField[]>;

const SCALARS: ReadonlySet<string> = new Set(['string', 'bytes', 'bool', 'int32', 'int64', 'double']);
const FIELD =
  /^\s*(optional|repeated|required)?\s*(?:map<\s*string\s*,\s*([\w.]+)\s*>|([\w.]+))\s+(\w+)\s*=\s*(\d+)\s*;/;

/**
 * The messages of a `.proto` file of Kubernetes, which nests no message in another.
 *
 * @throws on a line that it cannot read: a field that is left out would silently be missing from every object
 */
export function protoMessages(text: string): ProtoMessages {
  const lines = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').split('\n');
  const messages = new Map<string, ProtoField[]>();
  let namespace = '';
  let fields: ProtoField[] | undefined;
  const full = (type: string): string => {
    if (SCALARS.has(type)) return type;
    return type.startsWith('.') ? type.slice(1) : `${namespace}.${type}`;
  };
  for (const line of lines.map((raw) => raw.replace(/\/\/.*$/, '').trimEnd())) {
    if (line === '') continue;
    const [, declared] = /^package ([\w.]+);/.exec(line) ?? [];
    if (declared) namespace = declared;
    const [, message] = /^message (\w+) \{/.exec(line) ?? [];
    if (message) {
      fields = [];
      messages.set(`${namespace}.${message}`, fields);
      if (line.endsWith('}')) fields = undefined;
    } else if (line === '}') fields = undefined;
    else if (fields) {
      const [, label, ofMap, type = ofMap ?? '', name = '', number] = FIELD.exec(line) ?? [];
      if (number === undefined) throw new Error(`cannot read this line of a .proto file: ${line}`);
      const shape = ofMap ? 'map' : label === 'repeated' ? 'list' : 'one';
      fields.push({ number: Number(number), name, shape, type: full(type) });
    }
  }
  return messages;
}
