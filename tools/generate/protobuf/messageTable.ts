import type { GoField, GoStructs } from './goStructs.ts';
import type { ProtoField, ProtoMessages } from './protoMessages.ts';

/** The published sources of the Kubernetes API, by the path of a Go package, such as `k8s.io/api/core/v1`. */
export interface ApiSources {
  readonly protos: ProtoMessages;
  structsOf(goPackage: string): GoStructs;
}

/** Messages whose JSON is not that of their fields, and what the reader calls them. */
const SPECIAL: Readonly<Record<string, string>> = {
  'k8s.io.apimachinery.pkg.apis.meta.v1.Time': 'Time',
  'k8s.io.apimachinery.pkg.apis.meta.v1.MicroTime': 'MicroTime',
  'k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1': 'Json',
  'k8s.io.apimachinery.pkg.runtime.RawExtension': 'Json',
  'k8s.io.apimachinery.pkg.api.resource.Quantity': 'Quantity',
  'k8s.io.apimachinery.pkg.util.intstr.IntOrString': 'IntOrString',
};
const SCALARS: Readonly<Record<string, string>> = {
  string: 'string',
  bytes: 'bytes',
  bool: 'bool',
  int32: 'int',
  int64: 'int',
};

/** Name in the table → number → `name? type`; see src/engine/kube/protobuf/schema.ts. */
export type MessageTable = ReadonlyMap<string, ReadonlyMap<number, string>>;

/** `core.v1.Pod` for `k8s.io.api.core.v1.Pod`. */
export const shortName = (full: string): string => full.split('.').slice(-3).join('.');

/**
 * These messages and all that they contain. Numbers and types come from the `.proto` files; how a value becomes JSON comes
 * from the struct of the same name.
 *
 * @throws where the two disagree, or a type has a JSON of its own that the reader does not know
 */
export function messageTable(roots: readonly string[], { protos, structsOf }: ApiSources): MessageTable {
  const table = new Map<string, ReadonlyMap<number, string>>();
  const open = [...roots];
  for (let full = open.pop(); full !== undefined; full = open.pop()) {
    const name = shortName(full);
    if (table.has(name)) continue;
    const fields = protos.get(full);
    const struct = structsOf(packageOf(full)).get(full.slice(full.lastIndexOf('.') + 1));
    if (!fields || !struct) throw new Error(`${full}: not in the published sources`);
    const entries = new Map<number, string>();
    for (const field of [...fields].sort((a, b) => a.number - b.number)) {
      const go = struct.get(field.number);
      if (!go) throw new Error(`${full}.${field.name}: the struct has no field ${field.number}`);
      entries.set(field.number, entry(field, go));
      if (!SCALARS[field.type] && !SPECIAL[field.type]) open.push(field.type);
    }
    table.set(name, entries);
  }
  return new Map([...table].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function entry({ name, shape, type }: ProtoField, go: GoField): string {
  // Some names differ in their first letter.
  if (go.jsonName !== undefined && go.jsonName.toLowerCase() !== name.toLowerCase())
    throw new Error(`${name} is ${go.jsonName} in JSON`);
  const known = SCALARS[type] ?? SPECIAL[type] ?? (type.includes('.') ? shortName(type) : undefined);
  if (known === undefined) throw new Error(`${name}: no JSON is known for ${type}`);
  const prefix = { one: go.isPointer ? '*' : '', list: '[]', map: '{}' }[shape];
  const presence = go.omitsZero ? '!' : go.omitsEmpty ? '?' : '';
  return `${go.jsonName ?? '-'}${presence} ${prefix}${known}`;
}

/** `k8s.io/api/core/v1` for `k8s.io.api.core.v1.Pod`. */
const packageOf = (full: string): string =>
  full
    .slice(0, full.lastIndexOf('.'))
    .replace(/^k8s\.io\./, 'k8s.io/')
    .replaceAll(/(?<=\/.*)\./g, '/');

/** The number of a field. @throws if there is none of this name */
export function fieldNumber(protos: ProtoMessages, message: string, name: string): number {
  const field = protos.get(message)?.find((candidate) => candidate.name === name);
  if (!field) throw new Error(`${message} has no field ${name}`);
  return field.number;
}
