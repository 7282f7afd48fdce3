import { CodedError } from '../../../base/codedError.ts';
import type { KubeObject, ResourceKind } from '../kubeObject.ts';
import { checkMessage, decodeMessage, type Mask } from './decodeMessage.ts';
import { type LazyOptions, lazyObject } from './lazyObject.ts';
import { WIRE } from './messages.ts';
import { type Message, messageNamed, messageOfKind } from './schema.ts';
import { WireReader } from './wireReader.ts';

const MEDIA_TYPE = 'application/vnd.kubernetes.protobuf';
const METADATA = 'PartialObjectMetadata';
/** What precedes each message: `k8s` and a zero. */
const MAGIC = 0x6b387300;

/** What a media type says after its name to ask for metadata only. A server refuses the one form where it answers the other. */
export const metadataForm = (isList: boolean): string =>
  `;as=${METADATA}${isList ? 'List' : ''};g=meta.k8s.io;v=v1`;

export interface ReaderOptions {
  /** The answer holds metadata only. */
  readonly metadataOnly?: boolean;
  /** The answer is a list. */
  readonly isList?: boolean;
  /** Which fields to keep, such as `spec.nodeName`, beside apiVersion, kind and metadata; without it all. */
  readonly fields?: readonly string[] | undefined;
  /** Keeps `metadata.managedFields`. */
  readonly managedFields?: boolean;
}

/** Reads the answers about one kind in Kubernetes' protobuf. Objects look as if their JSON had been parsed, and are frozen. */
export class ProtobufReader {
  /** The media type to ask for. */
  readonly accept: string;
  readonly #kind: ResourceKind;
  readonly #message: Message;
  readonly #options: LazyOptions;

  private constructor(kind: ResourceKind, message: Message, options: ReaderOptions) {
    const { metadataOnly = false, isList = false, fields, managedFields = false } = options;
    this.accept = `${MEDIA_TYPE}${metadataOnly ? metadataForm(isList) : ''}`;
    this.#kind = kind;
    this.#message = message;
    this.#options = { managedFields, mask: fields && maskOf(fields) };
  }

  /** The reader of a kind; undefined for a kind that is served as JSON only, such as a custom resource. */
  static of(kind: ResourceKind, options: ReaderOptions = {}): ProtobufReader | undefined {
    const message = messageOfKind(kind.apiVersion, kind.kind);
    return message && new ProtobufReader(kind, message, options);
  }

  /** Whether a body with this content type is protobuf. */
  static reads(contentType: string | undefined): boolean {
    return contentType?.startsWith(MEDIA_TYPE) ?? false;
  }

  /**
   * Reads the body of an answer: an object, a Status, or a list, as `{metadata, items}`.
   *
   * @throws CodedError `MalformedProtobuf`
   */
  answer(body: Buffer): unknown {
    return this.#enveloped(new WireReader(body), body.length);
  }

  /**
   * Reads a frame of a watch.
   *
   * @throws CodedError `MalformedProtobuf`
   */
  event(frame: Buffer): { readonly type: string; readonly object: unknown } {
    const reader = new WireReader(frame);
    let type = '';
    let object: unknown;
    each(reader, frame.length, (number, stop) => {
      if (number === WIRE['WatchEvent.type']) type = reader.text(stop);
      else if (number === WIRE['WatchEvent.object'])
        each(reader, stop, (inner, innerStop) => {
          if (inner === WIRE['RawExtension.raw']) object = this.#enveloped(reader, innerStop);
        });
    });
    return { type, object };
  }

  #enveloped(reader: WireReader, end: number): unknown {
    if (end - reader.at < 4 || reader.bytes.readUInt32BE(reader.at) !== MAGIC)
      throw reader.malformed('no message of Kubernetes');
    reader.at += 4;
    let apiVersion = '';
    let kind = '';
    let [from, to] = [end, end];
    each(reader, end, (number, stop) => {
      if (number === WIRE['Unknown.typeMeta'])
        each(reader, stop, (inner, innerStop) => {
          if (inner === WIRE['TypeMeta.apiVersion']) apiVersion = reader.text(innerStop);
          else if (inner === WIRE['TypeMeta.kind']) kind = reader.text(innerStop);
        });
      else if (number === WIRE['Unknown.raw']) [from, to] = [reader.at, stop];
    });
    reader.at = from;
    const own = this.#kind;
    if (kind === METADATA) return this.#object(reader, to, messageNamed('meta.v1.PartialObjectMetadata'));
    if (kind === own.kind && apiVersion === own.apiVersion) return this.#object(reader, to, this.#message);
    if (kind === `${METADATA}List`)
      return this.#list(reader, to, messageNamed('meta.v1.PartialObjectMetadata'));
    if (kind === `${own.kind}List`) return this.#list(reader, to, this.#message);
    if (kind === 'Status') return { apiVersion, kind, ...whole(reader, messageNamed('meta.v1.Status'), to) };
    throw new CodedError(
      'MalformedProtobuf',
      `the API server answered with ${apiVersion} ${kind}, where ${own.apiVersion} ${own.kind} was asked for`,
      { retriable: true },
    );
  }

  #object(reader: WireReader, end: number, message: Message): KubeObject {
    return lazyObject(reader, message, end, this.#kind, this.#options);
  }

  #list(reader: WireReader, end: number, message: Message): unknown {
    const items: KubeObject[] = [];
    let metadata: unknown = {};
    each(reader, end, (number, stop) => {
      if (number === WIRE['List.metadata']) metadata = whole(reader, messageNamed('meta.v1.ListMeta'), stop);
      else if (number === WIRE['List.items']) items.push(this.#object(reader, stop, message));
    });
    return { metadata, items };
  }
}

/** Calls back with each field that has a length, and passes over what the callback leaves. */
function each(reader: WireReader, end: number, take: (number: number, stop: number) => void): void {
  while (reader.at < end) {
    const tag = reader.unsigned(end);
    if ((tag & 7) !== 2) {
      reader.skip(tag & 7, end);
      continue;
    }
    const stop = reader.stop(end);
    take(tag >>> 3, stop);
    reader.at = stop;
  }
}

/** Checks a message, and decodes it at once. */
function whole(reader: WireReader, message: Message, end: number) {
  const from = reader.at;
  checkMessage(reader, message, end);
  reader.at = from;
  return decodeMessage(reader, message, end);
}

/** `['status.phase']` as a tree. */
function maskOf(fields: readonly string[]): ReadonlyMap<string, Mask> {
  const mask = new Map<string, Mask>();
  for (const path of fields) {
    let level = mask;
    const steps = path.split('.');
    for (const [index, step] of steps.entries()) {
      const known = level.get(step);
      if (known === true) break;
      if (index === steps.length - 1) level.set(step, true);
      else {
        const next = (known as Map<string, Mask> | undefined) ?? new Map<string, Mask>();
        level.set(step, next);
        level = next;
      }
    }
  }
  return mask;
}
