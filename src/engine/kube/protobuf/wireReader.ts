import { CodedError } from '../../../base/codedError.ts';

const malformed = (what: string, at: number): CodedError =>
  new CodedError(
    'MalformedProtobuf',
    `the API server, or a proxy before it, sent protobuf that cannot be read: ${what} at byte ${at}`,
    {
      retriable: true,
    },
  );

/** Longer texts are seldom the same twice. */
const LONGEST_SHARED = 32;
const SHARED_SLOTS = 4096;
/** Short texts that were read before: names of fields, labels and settings come again in every object. */
const shared: (string | undefined)[] = new Array(SHARED_SLOTS).fill(undefined);

/** A place in bytes of protobuf. What it reads lies within the bytes; anything else is an error. */
export class WireReader {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** An unsigned number: a tag or a length. */
  unsigned(end: number): number {
    const { bytes } = this;
    let value = 0;
    let scale = 1;
    for (let at = this.at; at < end; at++) {
      const byte = bytes[at] as number;
      value += (byte & 127) * scale;
      if (byte < 128) {
        this.at = at + 1;
        return value;
      }
      scale *= 128;
      // Neither a tag nor a length is that large, and beyond it a number is not exact.
      if (scale > 2 ** 42) break;
    }
    throw malformed('a number without an end', this.at);
  }

  /** A signed number of up to 64 bits, as `JSON.parse` reads it: beyond 2^53 the nearest that JavaScript has. */
  signed(end: number): number {
    const first = this.at < end ? (this.bytes[this.at] as number) : 255;
    if (first < 128) {
      this.at += 1;
      return first;
    }
    let value = 0n;
    let shift = 0n;
    for (let at = this.at; at < end && shift < 70n; at++) {
      const byte = this.bytes[at] as number;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) {
        this.at = at + 1;
        return Number(BigInt.asIntN(64, value));
      }
      shift += 7n;
    }
    throw malformed('a number without an end', this.at);
  }

  /** Reads a length; @returns where what has that length ends, at most `end` */
  stop(end: number): number {
    const length = this.unsigned(end);
    const stop = this.at + length;
    if (stop > end) throw malformed(`${length} bytes where ${end - this.at} are left`, this.at);
    return stop;
  }

  /** Passes over a value. */
  skip(wireType: number, end: number): void {
    if (wireType === 2) this.at = this.stop(end);
    else if (wireType === 0) this.signed(end);
    else if (wireType === 1 || wireType === 5) {
      this.at += wireType === 1 ? 8 : 4;
      if (this.at > end) throw malformed('a number that is cut off', this.at);
    } else throw this.malformed(`wire type ${wireType}`);
  }

  /** The text up to `end`, where this reader is afterwards. */
  text(end: number): string {
    const { bytes, at } = this;
    this.at = end;
    const length = end - at;
    if (length === 0) return '';
    if (length > LONGEST_SHARED) return bytes.toString('utf8', at, end);
    let hash = length;
    let seen = 0;
    for (let index = at; index < end; index++) {
      const byte = bytes[index] as number;
      seen |= byte;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    if (seen > 127) return bytes.toString('utf8', at, end);
    const slot = (hash ^ (hash >>> 12)) & (SHARED_SLOTS - 1);
    const known = shared[slot];
    if (known !== undefined && known.length === length && isText(known, bytes, at)) return known;
    const text = bytes.toString('latin1', at, end);
    shared[slot] = text;
    return text;
  }

  malformed(what: string): CodedError {
    return malformed(what, this.at);
  }
}

function isText(text: string, bytes: Buffer, at: number): boolean {
  for (let index = 0; index < text.length; index++)
    if (text.charCodeAt(index) !== bytes[at + index]) return false;
  return true;
}
