import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';

/** A folder as a tar stream: the same files make the same bytes. Files that vanish meanwhile are left out. */
export class MediaTar {
  files = 0;
  /** Vanished before they were read, or were cut while they were read. */
  skipped = 0;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws the error of a file that cannot be read though it is there */
  async *content(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const tar = pack();
    const filled = this.#fill(tar, '', signal).then(
      () => tar.finalize(),
      (error: Error) => tar.destroy(error),
    );
    yield* tar as AsyncIterable<Uint8Array>;
    await filled;
  }

  async #fill(tar: Pack, below: string, signal: AbortSignal): Promise<void> {
    const names = await ifThere(() => readdir(join(this.#folder, below)));
    for (const name of (names ?? []).sort()) {
      signal.throwIfAborted();
      const path = below === '' ? name : `${below}/${name}`;
      const about = await ifThere(() => lstat(join(this.#folder, path)));
      if (about?.isDirectory()) await this.#fill(tar, path, signal);
      else if (about?.isFile()) await this.#add(tar, path, about.size, about.mtime, signal);
      // Links, sockets and the like are no media.
      else if (!about) this.skipped++;
    }
  }

  async #add(tar: Pack, path: string, size: number, mtime: Date, signal: AbortSignal): Promise<void> {
    const file = createReadStream(join(this.#folder, path), { signal, end: Math.max(0, size - 1) });
    const opened = await new Promise<boolean>((resolve, reject) => {
      file.once('open', () => resolve(true));
      file.once('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ENOENT' ? resolve(false) : reject(error),
      );
    });
    if (!opened) {
      this.skipped++;
      return;
    }
    const entry = tar.entry({ name: path, size, mtime, mode: 0o644, type: 'file' });
    await pipeline(size === 0 ? [] : padded(file, size, () => this.skipped++), entry);
    file.destroy();
    this.files++;
  }
}

/** The header has promised `size` bytes: a file that was cut meanwhile is filled up with zeros. */
async function* padded(
  file: AsyncIterable<Buffer>,
  size: number,
  onShort: () => void,
): AsyncGenerator<Buffer> {
  let left = size;
  for await (const chunk of file) {
    left -= chunk.length;
    yield chunk;
  }
  if (left > 0) onShort();
  for (const zeros = Buffer.alloc(65_536); left > 0; left -= Math.min(left, zeros.length))
    yield zeros.subarray(0, Math.min(left, zeros.length));
}

async function ifThere<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  }
}
