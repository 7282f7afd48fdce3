import { WIRE } from '../../src/engine/kube/protobuf/messages.ts';
import {
  type Field,
  type Message,
  messageNamed,
  messageOfKind,
} from '../../src/engine/kube/protobuf/schema.ts';

type Json = Record<string, unknown>;

const varint = (value: number | bigint): Buffer => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
};
const number = (field: number, value: number | bigint): Buffer =>
  Buffer.concat([varint(field << 3), varint(value)]);
const sized = (field: number, bytes: Buffer | string): Buffer => {
  const content = Buffer.from(bytes as string);
  return Buffer.concat([varint((field << 3) | 2), varint(content.length), content]);
};

/** An object as an API server writes it: JSON fields that the table does not know are left out. */
function encodeMessage(message: Message, json: Json): Buffer {
  return Buffer.concat(
    message.fields.flatMap((field) => {
      if (!field) return [];
      if (field.isInline) return [sized(field.number, encodeMessage(field.message as Message, json))];
      const value = json[field.name];
      return value === undefined || (value === null && field.type !== 'Time')
        ? []
        : encodeField(field, value);
    }),
  );
}

function encodeField(field: Field, value: unknown): Buffer[] {
  if (field.shape === 'list') return (value as unknown[]).map((item) => encodeValue(field, item));
  if (field.shape === 'one') return [encodeValue(field, value)];
  return Object.entries(value as Json).map(([key, item]) =>
    sized(
      field.number,
      Buffer.concat([
        sized(WIRE['MapEntry.key'], key),
        encodeValue({ ...field, number: WIRE['MapEntry.value'] }, item),
      ]),
    ),
  );
}

function encodeValue({ number: at, type, message }: Field, value: unknown): Buffer {
  if (message) return sized(at, encodeMessage(message, value as Json));
  switch (type) {
    case 'int':
      return number(at, value as number);
    case 'bool':
      return number(at, value ? 1 : 0);
    case 'bytes':
      return sized(at, Buffer.from(value as string, 'base64'));
    case 'Time':
    case 'MicroTime':
      return sized(at, value === null ? '' : encodeTime(value as string));
    case 'Quantity':
      return sized(at, sized(WIRE['Quantity.string'], value as string));
    case 'IntOrString':
      return sized(
        at,
        typeof value === 'number'
          ? Buffer.concat([
              number(WIRE['IntOrString.type'], 0),
              number(WIRE['IntOrString.intVal'], value),
              sized(WIRE['IntOrString.strVal'], ''),
            ])
          : Buffer.concat([
              number(WIRE['IntOrString.type'], 1),
              number(WIRE['IntOrString.intVal'], 0),
              sized(WIRE['IntOrString.strVal'], value as string),
            ]),
      );
    case 'Json':
      return sized(at, sized(WIRE['FieldsV1.Raw'], JSON.stringify(value)));
    default:
      return sized(at, value as string);
  }
}

function encodeTime(text: string): Buffer {
  const micros = /\.(\d{6})Z$/.exec(text)?.[1] ?? '0';
  return Buffer.concat([
    number(WIRE['Time.seconds'], Math.floor(Date.parse(text.replace(/\.\d+Z$/, 'Z')) / 1000)),
    number(WIRE['Time.nanos'], Number(micros) * 1000),
  ]);
}

const envelope = (apiVersion: string, kind: string, raw: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from('k8s\0', 'latin1'),
    sized(
      WIRE['Unknown.typeMeta'],
      Buffer.concat([sized(WIRE['TypeMeta.apiVersion'], apiVersion), sized(WIRE['TypeMeta.kind'], kind)]),
    ),
    sized(WIRE['Unknown.raw'], raw),
  ]);

/** The body of an answer that holds an object. */
export function encodeAnswer(json: Json): Buffer {
  const { apiVersion, kind } = json as { apiVersion: string; kind: string };
  const message = messageOfKind(apiVersion, kind);
  if (!message) throw new Error(`no message for ${apiVersion} ${kind}`);
  return envelope(apiVersion, kind, encodeMessage(message, json));
}

/** The body of an answer that holds a list. */
export function encodeList(apiVersion: string, kind: string, metadata: Json, items: readonly Json[]): Buffer {
  const message = messageOfKind(apiVersion, kind) as Message;
  return envelope(
    apiVersion,
    `${kind}List`,
    Buffer.concat([
      sized(WIRE['List.metadata'], encodeMessage(messageNamed('meta.v1.ListMeta'), metadata)),
      ...items.map((item) => sized(WIRE['List.items'], encodeMessage(message, item))),
    ]),
  );
}

/** An event of a watch, without the length before it. */
export const encodeEvent = (type: string, json: Json): Buffer =>
  Buffer.concat([
    sized(WIRE['WatchEvent.type'], type),
    sized(WIRE['WatchEvent.object'], sized(WIRE['RawExtension.raw'], encodeAnswer(json))),
  ]);

/** A frame of a watch, with the length before it. */
export function encodeFrame(type: string, json: Json): Buffer {
  const event = encodeEvent(type, json);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}
