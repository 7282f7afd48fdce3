import { createHash, type Hash } from 'node:crypto';
import { CodedError } from '../base/codedError.ts';
import type { BackupKeys } from './ageKeys.ts';
import { decrypted, encrypted } from './agePayload.ts';
import type { Destination } from './destination.ts';
import type { StoredObject } from './manifest.ts';
import type { Progress } from './report.ts';

type Bytes = AsyncIterable<Uint8Array>;

/** Small objects are read as a whole; larger ones are not what they claim to be. */
const LARGEST_SMALL_BYTES = 64 * 1024 * 1024;

/** The objects of one backup: encrypts and sums what is written, decrypts and checks what is read. */
export class ObjectStore {
  readonly #destination: Destination;
  readonly #root: string;
  readonly #progress: Progress;

  /** @param root `<folder>/<name>` */
  constructor(destination: Destination, root: string, progress: Progress) {
    this.#destination = destination;
    this.#root = root;
    this.#progress = progress;
  }

  /** Encrypts and stores a stream. */
  async store(path: string, content: Bytes, keys: BackupKeys, signal: AbortSignal): Promise<StoredObject> {
    const plain = new Sum();
    const stored = new Sum();
    const told = this.#told(path, plain.of(content));
    await this.#destination.put(this.#at(path), stored.of(encrypted(told, keys)), signal);
    return {
      path,
      plainBytes: plain.bytes,
      plainSha256: plain.hex(),
      storedBytes: stored.bytes,
      storedSha256: stored.hex(),
    };
  }

  /** Stores bytes as they are. */
  async storePlain(path: string, content: Uint8Array | string, signal: AbortSignal): Promise<void> {
    await this.#destination.put(this.#at(path), once(Buffer.from(content)), signal);
  }

  /**
   * Decrypts an object that the manifest names. The stream ends only if all sums are right: act on what it held after that.
   * @throws CodedError `BackupIncomplete`, `BackupCorrupted`
   */
  async *read(object: StoredObject, keys: BackupKeys, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const stored = new Sum();
    const plain = new Sum();
    const content = await this.#found(object.path, signal);
    try {
      yield* this.#told(object.path, plain.of(decrypted(stored.of(content), keys)));
    } catch (error) {
      throw error instanceof CodedError && error.code === 'BackupCorrupted'
        ? new CodedError(error.code, `${this.#at(object.path)}: ${error.message}`, { cause: error.cause })
        : error;
    }
    const isSame =
      stored.bytes === object.storedBytes &&
      stored.hex() === object.storedSha256 &&
      plain.bytes === object.plainBytes &&
      plain.hex() === object.plainSha256;
    if (!isSame)
      throw new CodedError(
        'BackupCorrupted',
        `${this.#at(object.path)} is not the object that the backup stored; keep another backup`,
      );
  }

  /** Decrypts a small object whose sums are unknown. @throws CodedError `BackupIncomplete`, `BackupCorrupted` */
  async readSealed(path: string, keys: BackupKeys, signal: AbortSignal): Promise<string> {
    return (await collect(decrypted(await this.#found(path, signal), keys))).toString('utf8');
  }

  /** A small object as it is; undefined if there is none. */
  async readPlain(path: string, signal: AbortSignal): Promise<Buffer | undefined> {
    const content = await this.#destination.get(this.#at(path), signal);
    return content && collect(content);
  }

  async #found(path: string, signal: AbortSignal): Promise<Bytes> {
    const content = await this.#destination.get(this.#at(path), signal);
    if (content) return content;
    throw new CodedError(
      'BackupIncomplete',
      `the backup lacks its object ${this.#at(path)}; keep another backup`,
    );
  }

  async *#told(path: string, content: Bytes): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    for await (const chunk of content) {
      bytes += chunk.length;
      this.#progress.at(path, bytes);
      yield chunk;
    }
  }

  #at(path: string): string {
    return `${this.#root}/${path}`;
  }
}

/** Counts and sums what passes. */
class Sum {
  bytes = 0;
  readonly #hash: Hash = createHash('sha256');

  async *of(content: Bytes): AsyncGenerator<Uint8Array> {
    for await (const chunk of content) {
      this.#hash.update(chunk);
      this.bytes += chunk.length;
      yield chunk;
    }
  }

  hex(): string {
    return this.#hash.copy().digest('hex');
  }
}

async function collect(content: Bytes): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of content) {
    length += part.length;
    if (length > LARGEST_SMALL_BYTES)
      throw new CodedError('BackupCorrupted', 'a small object is larger than 64 MiB');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Bytes as a stream. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
