import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { CodedError } from '../base/codedError.ts';
import type { Failure } from './contract/contract.ts';
import type { Destination, DestinationObject } from './destination.ts';
import { gathered } from './gathered.ts';

/** Of files that are being written. No object has such a name. */
const TEMPORARY = '.partial-';
const FLUSH_BYTES = 16 * 1024 * 1024;
/** Each write waits for a thread, whatever its size. */
const WRITE_BYTES = 512 * 1024;

/** Objects as files below a mounted folder. */
export class FileDestination implements Destination {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async put(path: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const file = join(this.#root, path);
    const folder = dirname(file);
    const temporary = join(folder, `${TEMPORARY}${randomUUID()}`);
    await this.#wording(async () => {
      await this.#mustExist();
      await mkdir(folder, { recursive: true });
    });
    try {
      const handle = await this.#wording(() => open(temporary, 'wx', 0o600));
      try {
        await this.#write(handle, content, signal);
        await this.#wording(() => handle.sync());
      } finally {
        // Some file systems tell only now that a disk or a quota is full.
        await this.#wording(() => handle.close());
      }
      await this.#wording(() => rename(temporary, file));
      await this.#syncFolder(folder);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw error;
    }
  }

  async get(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined> {
    const handle = await this.#ifThere(() => open(join(this.#root, path), 'r'));
    return handle && this.#read(createReadStream('', { fd: handle, signal }));
  }

  async *list(folder: string, signal: AbortSignal): AsyncGenerator<DestinationObject> {
    const entries = await this.#entries(folder);
    for (const entry of entries) {
      signal.throwIfAborted();
      if (!entry.isFile() || entry.name.startsWith(TEMPORARY)) continue;
      const file = join(entry.parentPath, entry.name);
      const about = await this.#ifThere(() => stat(file));
      if (about) yield { path: relative(this.#root, file).split(sep).join('/'), bytes: about.size };
    }
  }

  async remove(path: string): Promise<void> {
    await this.#wording(() => rm(join(this.#root, path), { force: true }));
    await this.#removeEmptyFolders(dirname(path));
  }

  async sweep(folder: string): Promise<void> {
    for (const entry of await this.#entries(folder)) {
      if (entry.isFile() && entry.name.startsWith(TEMPORARY))
        await this.#wording(() => rm(join(entry.parentPath, entry.name), { force: true }));
    }
    await this.#removeEmptyFolders(folder);
  }

  close(): void {}

  async #entries(folder: string) {
    await this.#wording(() => this.#mustExist());
    const read = () => readdir(join(this.#root, folder), { recursive: true, withFileTypes: true });
    return (await this.#ifThere(read)) ?? [];
  }

  /** A volume that is not mounted must not become a folder of the container. */
  async #mustExist(): Promise<void> {
    const about = await stat(this.#root);
    if (!about.isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
  }

  async #write(handle: FileHandle, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    let flushing: Promise<void> = Promise.resolve();
    let waitingBytes = 0;
    for await (const bytes of gathered(content, WRITE_BYTES)) {
      signal.throwIfAborted();
      // A write may store less than it was given.
      for (let from = 0; from < bytes.length; )
        from += (await this.#wording(() => handle.write(bytes, from))).bytesWritten;
      waitingBytes += bytes.length;
      if (waitingBytes < FLUSH_BYTES) continue;
      // The disk writes while the dump goes on, instead of all at the end.
      await this.#wording(() => flushing);
      flushing = handle.datasync();
      flushing.catch(() => {});
      waitingBytes = 0;
    }
    await this.#wording(() => flushing);
    signal.throwIfAborted();
  }

  async *#read(file: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
    try {
      yield* file;
    } catch (error) {
      throw this.#worded(error);
    }
  }

  /** So that the name of a file is on the disk too, before the next object is written. */
  async #syncFolder(folder: string): Promise<void> {
    const handle = await this.#wording(() => open(folder, 'r'));
    // Some network file systems cannot do it.
    await handle.sync().catch(() => {});
    await handle.close();
  }

  async #removeEmptyFolders(folder: string): Promise<void> {
    for (let path = folder; path !== '.' && path !== ''; path = dirname(path)) {
      const removed = await rmdir(join(this.#root, path)).then(
        () => true,
        () => false,
      );
      if (!removed) return;
    }
  }

  async #ifThere<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw this.#worded(error);
    }
  }

  async #wording<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#worded(error);
    }
  }

  #worded(cause: unknown): unknown {
    const found = WORDS.find(({ codes }) => codes.includes(codeOf(cause)));
    if (!found) return cause;
    const retriable = found.failure === 'DestinationUnreachable';
    return new CodedError(found.failure, `${this.#root}: ${found.says}`, { cause, retriable });
  }
}

const codeOf = (error: unknown): string => (error as { code?: string } | undefined)?.code ?? '';

const WORDS: readonly { failure: Failure; codes: readonly string[]; says: string }[] = [
  {
    failure: 'DestinationFull',
    codes: ['ENOSPC'],
    says: 'no space is left; enlarge the volume or remove backups',
  },
  {
    failure: 'DestinationFull',
    codes: ['EDQUOT', 'EFBIG'],
    says: 'the quota is used up; raise it or remove backups',
  },
  {
    failure: 'DestinationDenied',
    codes: ['EACCES', 'EPERM', 'EROFS'],
    says: 'the volume refuses the access; check that user 65532 may write to it and that it is not mounted read-only',
  },
  {
    failure: 'DestinationNotFound',
    codes: ['ENOENT', 'ENOTDIR'],
    says: 'there is no such folder; check that the claim is mounted there',
  },
  {
    failure: 'DestinationUnreachable',
    codes: ['EIO', 'ESTALE', 'ETIMEDOUT', 'EHOSTDOWN', 'ENOTCONN'],
    says: 'the file system does not answer; check the volume and its server',
  },
];
