import { createWriteStream } from 'node:fs';
import { lstat, mkdir, realpath, rename, rm, utimes } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { CodedError } from '../base/codedError.ts';
import type { RestoredMedia } from './contract/contract.ts';

/** Ends the name of a file until all of it is written. A try that was killed leaves one, which the next replaces. */
const UNFINISHED = '.restoring';

/** The folder of the media, as it is filled from a backup while a stack may write into it. */
export class MediaFolder {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param content a tar archive of files @throws CodedError `MediaUnwritable`, `BackupCorrupted` */
  async fill(content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<RestoredMedia> {
    const real = await realpath(this.#folder).catch(() => {
      throw new CodedError(
        'MediaUnwritable',
        `there is no folder ${this.#folder}; mount the media volume there`,
      );
    });
    const counts = { restored: 0, kept: 0 };
    const archive = extract();
    const fed = pipeline(Readable.from(content, { objectMode: false }), archive, { signal });
    // The archive is destroyed with the same error, which the loop below throws.
    fed.catch(() => {});
    for await (const entry of archive) {
      signal.throwIfAborted();
      if (await this.#isKept(entry.header)) {
        counts.kept++;
        entry.resume();
      } else {
        await this.#write(entry.header, entry as AsyncIterable<Uint8Array>, real, signal);
        counts.restored++;
      }
    }
    await fed;
    return counts;
  }

  /** Archives count in whole seconds. */
  async #isKept({ name, mtime }: Header): Promise<boolean> {
    const there = await lstat(this.#at(name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw this.#failure(name, error);
    });
    return there !== undefined && Math.floor(there.mtimeMs / 1000) >= secondsOf(mtime);
  }

  async #write(
    { name, mtime }: Header,
    content: AsyncIterable<Uint8Array>,
    folder: string,
    signal: AbortSignal,
  ): Promise<void> {
    const path = this.#at(name);
    const unfinished = `${path}${UNFINISHED}`;
    try {
      await mkdir(dirname(path), { recursive: true });
      await this.#stayInside(name, folder, dirname(path));
      await rm(unfinished, { force: true });
      await pipeline(content, createWriteStream(unfinished, { flags: 'wx' }), { signal });
      await utimes(unfinished, secondsOf(mtime), secondsOf(mtime));
      await rename(unfinished, path);
    } catch (error) {
      throw this.#failure(name, error as NodeJS.ErrnoException);
    }
  }

  /** @throws CodedError `BackupCorrupted` for a name that is not below the folder */
  #at(name: string): string {
    const isBelow = name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
    if (isBelow && !name.includes('\0')) return join(this.#folder, name);
    throw new CodedError('BackupCorrupted', `the media hold a file with the name ${JSON.stringify(name)}`);
  }

  /** Who may write to the volume may have linked a folder to another place, such as the destination. */
  async #stayInside(name: string, folder: string, parent: string): Promise<void> {
    const real = await realpath(parent);
    if (real === folder || real.startsWith(`${folder}${sep}`)) return;
    throw new CodedError(
      'MediaUnwritable',
      `the folder of ${name} is a link that leads out of ${this.#folder}; remove it from the media volume`,
    );
  }

  /** What a person can mend about the folder; other errors are those of the stream. */
  #failure(name: string, error: NodeJS.ErrnoException): Error {
    if (error instanceof CodedError || error.syscall === undefined) return error;
    const { code } = error;
    const remedy =
      code === 'ENOSPC' || code === 'EDQUOT'
        ? 'the media volume is full; enlarge it'
        : 'let the user of the pod write to the media volume';
    return new CodedError(
      'MediaUnwritable',
      `${name} cannot be written to ${this.#folder} (${code}): ${remedy}`,
      { cause: error, retriable: code === 'EIO' },
    );
  }
}

const secondsOf = (time: Date): number => Math.floor(time.getTime() / 1000);
