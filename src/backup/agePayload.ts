import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { CodedError } from '../base/codedError.ts';
import { type BackupKeys, fileKeyOf, headerOf, newHeader } from './ageKeys.ts';

/**
 * The payload of an age file (https://age-encryption.org/v1, "Payload") with the native cipher of Node.js, which is ten
 * times as fast as that of the package `age-encryption`.
 */

const ALGORITHM = 'chacha20-poly1305';
const CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const NONCE_BYTES = 16;
/** A counter of 11 bytes, of which 6 are more than enough, and a byte that marks the last chunk. */
const CHUNK_NONCE_BYTES = 12;
const COUNTER = { offset: 5, bytes: 6 } as const;

type Bytes = AsyncIterable<Uint8Array>;

/** Encrypts a stream into an age file. */
export async function* encrypted(plain: Bytes, keys: BackupKeys): AsyncGenerator<Buffer> {
  const { header, fileKey } = await newHeader(keys);
  const nonce = randomBytes(NONCE_BYTES);
  yield Buffer.concat([header, nonce]);
  const key = payloadKey(fileKey, nonce);
  let index = 0;
  for await (const { bytes, isLast } of chunks(plain, CHUNK_BYTES)) {
    const cipher = createCipheriv(ALGORITHM, key, chunkNonce(index++, isLast), { authTagLength: TAG_BYTES });
    yield cipher.update(bytes);
    cipher.final();
    yield cipher.getAuthTag();
  }
}

/** Decrypts an age file. Each chunk is authentic when it comes out. @throws CodedError `BackupCorrupted` */
export async function* decrypted(file: Bytes, keys: BackupKeys): AsyncGenerator<Buffer> {
  const source = file[Symbol.asyncIterator]();
  try {
    const start = await readHeader(source);
    const key = payloadKey(await fileKeyOf(start.header, keys.identity), start.nonce);
    let index = 0;
    for await (const { bytes, isLast } of chunks(following(start.rest, source), CHUNK_BYTES + TAG_BYTES)) {
      const plain = open(bytes, key, chunkNonce(index, isLast));
      // Only an empty file ends with an empty chunk.
      if (plain.length === 0 && index > 0) throw broken();
      index++;
      yield plain;
    }
  } finally {
    await source.return?.();
  }
}

async function readHeader(source: AsyncIterator<Uint8Array>) {
  let read: Buffer = Buffer.alloc(0);
  for (;;) {
    const header = headerOf(read);
    const payload = header && read.subarray(header.length);
    if (payload && payload.length >= NONCE_BYTES)
      return { header, nonce: payload.subarray(0, NONCE_BYTES), rest: payload.subarray(NONCE_BYTES) };
    const { done, value } = await source.next();
    if (done) throw new CodedError('BackupCorrupted', 'the object ends within its header');
    read = Buffer.concat([read, value]);
  }
}

async function* following(first: Uint8Array, source: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (;;) {
    const { done, value } = await source.next();
    if (done) return;
    yield value;
  }
}

function open(sealed: Buffer, key: Buffer, nonce: Buffer): Buffer {
  if (sealed.length < TAG_BYTES) throw broken();
  const split = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(split));
  const plain = decipher.update(sealed.subarray(0, split));
  try {
    decipher.final();
  } catch {
    throw broken();
  }
  return plain;
}

const broken = () =>
  new CodedError('BackupCorrupted', 'the object was changed or cut after it was encrypted');

const payloadKey = (fileKey: Uint8Array, nonce: Uint8Array): Buffer =>
  Buffer.from(hkdfSync('sha256', fileKey, nonce, 'payload', 32));

function chunkNonce(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(CHUNK_NONCE_BYTES);
  nonce.writeUIntBE(index, COUNTER.offset, COUNTER.bytes);
  nonce[CHUNK_NONCE_BYTES - 1] = isLast ? 1 : 0;
  return nonce;
}

/**
 * Cuts a stream into chunks of `size`. The last one is marked; it is empty only if the stream is. All chunks share one buffer:
 * the next one overwrites it.
 */
async function* chunks(source: Bytes, size: number): AsyncGenerator<{ bytes: Buffer; isLast: boolean }> {
  const buffer = Buffer.alloc(size);
  let length = 0;
  for await (const part of source) {
    for (let from = 0; from < part.length; ) {
      // A chunk that is full waits for the next byte, which tells that it is not the last.
      if (length === size) {
        yield { bytes: buffer, isLast: false };
        length = 0;
      }
      const count = Math.min(size - length, part.length - from);
      buffer.set(part.subarray(from, from + count), length);
      length += count;
      from += count;
    }
  }
  yield { bytes: buffer.subarray(0, length), isLast: true };
}
