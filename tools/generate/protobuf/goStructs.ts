/** How Go writes a field of a struct as JSON. */
export interface GoField {
  /** Undefined for a field whose own fields stand in its parent. */
  readonly jsonName: string | undefined;
  readonly isPointer: boolean;
  /** Left out while it is empty: false, 0, an empty text, list or map, or no pointer. */
  readonly omitsEmpty: boolean;
  /** A struct is left out while all of it is empty; without this, `omitempty` never leaves out a struct. */
  readonly omitsZero: boolean;
}

/** Name of a struct → number of a field in protobuf → the field. */
export type GoStructs = ReadonlyMap<string, ReadonlyMap<number, GoField>>;

const STRUCT = /^type (\w+) struct \{\n([\s\S]*?)^\}/gm;
const FIELD = /^\t(?:\w+ +)?(\*?[[\]\w.*]+) +`(.*)`/gm;

/** The structs of formatted Go source, with the fields that have a number in protobuf. */
export function goStructs(source: string): GoStructs {
  const structs = new Map<string, Map<number, GoField>>();
  for (const [, name = '', body = ''] of source.matchAll(STRUCT)) {
    const fields = new Map<number, GoField>();
    for (const [, type = '', tags = ''] of body.matchAll(FIELD)) {
      const [, number] = /protobuf:"\w+,(\d+),/.exec(tags) ?? [];
      if (number === undefined) continue;
      const [jsonName, ...options] = (/json:"([^"]*)"/.exec(tags)?.[1] ?? '').split(',');
      fields.set(Number(number), {
        jsonName: jsonName || undefined,
        isPointer: type.startsWith('*'),
        omitsEmpty: options.includes('omitempty'),
        omitsZero: options.includes('omitzero'),
      });
    }
    structs.set(name, fields);
  }
  return structs;
}
