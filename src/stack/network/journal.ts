import { type FileHandle, mkdir, open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Batcher } from '../../base/batcher.ts';

/** After growing by this much, the file is replaced by a snapshot. */
const COMPACT_AFTER_BYTES = 64 * 1024 * 1024;

export interface JournalOptions {
  readonly compactAfterBytes?: number;
}

/**
 * An append-only file of JSON lines. Entries that wait for the disk together share one flush. An entry is applied
 * before it is appended, so a snapshot contains all appended entries, and can replace them.
 */
export class Journal<Entry> {
  readonly #path: string;
  readonly #snapshot: () => readonly Entry[];
  readonly #compactAfterBytes: number;
  #file: FileHandle;
  #grownBytes = 0;
  readonly #lines: Batcher<string>;

  private constructor(
    path: string,
    file: FileHandle,
    snapshot: () => readonly Entry[],
    options: JournalOptions,
  ) {
    this.#path = path;
    this.#file = file;
    this.#snapshot = snapshot;
    this.#compactAfterBytes = options.compactAfterBytes ?? COMPACT_AFTER_BYTES;
    this.#lines = new Batcher((lines) => this.#flush(lines), Number.POSITIVE_INFINITY);
  }

  /** Reads the file. A last line that a crash cut short was never confirmed, and is dropped. */
  static async read<Entry>(path: string): Promise<Entry[]> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const complete = text.slice(0, text.lastIndexOf('\n') + 1);
    return complete
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Entry);
  }

  /** Replaces the file by a snapshot, now and whenever it has grown long. */
  static async start<Entry>(
    path: string,
    snapshot: () => readonly Entry[],
    options: JournalOptions = {},
  ): Promise<Journal<Entry>> {
    await mkdir(dirname(path), { recursive: true });
    return new Journal(path, await writeAnew(path, snapshot()), snapshot, options);
  }

  /** Resolves when the entry is on the disk. */
  append(entry: Entry): Promise<void> {
    return this.#lines.add(`${JSON.stringify(entry)}\n`);
  }

  /** Bytes of the file. */
  async size(): Promise<number> {
    return (await stat(this.#path)).size;
  }

  async close(): Promise<void> {
    await this.#lines.idle();
    await this.#file.close();
  }

  async #flush(lines: readonly string[]): Promise<undefined> {
    if (this.#grownBytes > this.#compactAfterBytes) await this.#compact();
    else await this.#write(lines.join(''));
  }

  async #write(text: string): Promise<void> {
    await this.#file.appendFile(text);
    await this.#file.datasync();
    this.#grownBytes += text.length;
  }

  /** The entries that wait are applied already, so the snapshot contains them. */
  async #compact(): Promise<void> {
    const file = await writeAnew(this.#path, this.#snapshot());
    await this.#file.close();
    this.#file = file;
    this.#grownBytes = 0;
  }
}

async function writeAnew(path: string, entries: readonly unknown[]): Promise<FileHandle> {
  const draft = `${path}.new`;
  await writeFile(draft, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''), { flush: true });
  await rename(draft, path);
  return open(path, 'a');
}
