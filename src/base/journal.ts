import { constants, createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Batcher } from './batcher.ts';
import type { Logger } from './logger.ts';
import { safeJson } from './safeJson.ts';

/** After growing by this much, the file is replaced by a snapshot. */
const COMPACT_AFTER_BYTES = 64 * 1024 * 1024;
/** Lines are written in pieces of about this length: a text of all lines could exceed the longest text there is. */
const PIECE_LENGTH = 4 * 1024 * 1024;
/** A snapshot that found no room is tried again after the file has grown by this part of `compactAfterBytes`. */
const TRY_AGAIN_AFTER = 1 / 8;

/**
 * Linux ends such a write when the data are on the disk. One call in place of two takes a third less CPU. Elsewhere the flag
 * is missing, or does not reach the disk.
 */
const IS_SYNCED = process.platform === 'linux';
const APPEND =
  constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | (IS_SYNCED ? constants.O_DSYNC : 0);

const NEWLINE = 0x0a;
/**
 * Ends each line of an append but the last: a crash may leave the first lines of it alone. Earlier releases do not see the
 * space, because it means nothing in JSON.
 */
const MORE_FOLLOWS = ' ';

export interface JournalOptions<Entry> {
  /** Called for each entry when it is on the disk, in the order of the file. The only place where state changes. */
  readonly apply: (entry: Entry) => void;
  /** Entries that lead to the present state. */
  readonly snapshot: () => Iterable<Entry>;
  readonly logger: Logger;
  readonly compactAfterBytes?: number;
}

interface Lines<Entry> {
  readonly text: string;
  readonly entries: readonly Entry[];
}

/**
 * An append-only file of JSON lines. Entries that wait for the disk together share one flush. An entry is applied after
 * it was written: what could not be written has not happened. After a failed write the file is cut back to its last
 * good line, so that a full disk leaves no torn line in its middle.
 */
export class Journal<Entry> {
  readonly #path: string;
  readonly #options: JournalOptions<Entry>;
  readonly #compactAfterBytes: number;
  readonly #lines: Batcher<Lines<Entry>>;
  #file: FileHandle;
  /** Length of the file up to its last good line. */
  #goodBytes: number;
  #compactAtBytes = 0;
  /** Whether the file may end in the rest of a failed write. */
  #isTorn = false;

  private constructor(path: string, file: Written, options: JournalOptions<Entry>) {
    this.#path = path;
    this.#options = options;
    this.#file = file.handle;
    this.#goodBytes = file.bytes;
    this.#compactAfterBytes = options.compactAfterBytes ?? COMPACT_AFTER_BYTES;
    this.#compactAtBytes = file.bytes + this.#compactAfterBytes;
    this.#lines = new Batcher((lines) => this.#flush(lines), {
      most: Number.POSITIVE_INFINITY,
      weigh: ({ text }) => text.length,
      mostWeight: PIECE_LENGTH,
    });
  }

  /**
   * Applies the entries of the file, and replaces the file by a snapshot. A last append that a crash cut short was never
   * confirmed, and is dropped; a damaged line in the middle is skipped and logged.
   */
  static async open<Entry>(path: string, options: JournalOptions<Entry>): Promise<Journal<Entry>> {
    const { apply, snapshot, logger } = options;
    await mkdir(dirname(path), { recursive: true });
    let goodBytes = 0;
    let line = 0;
    let entries: Entry[] = [];
    for await (const { text, endsAt } of linesOf(path)) {
      line += 1;
      const entry = safeJson(text) as Entry | undefined;
      if (typeof entry === 'object' && entry !== null) entries.push(entry);
      else logger.error('a damaged line of the journal was skipped', { path, line });
      if (text.endsWith(MORE_FOLLOWS)) continue;
      for (const each of entries) apply(each);
      entries = [];
      goodBytes = endsAt;
    }
    try {
      return new Journal(path, await writeAnew(path, snapshot()), options);
    } catch (error) {
      // Without room for a snapshot the old file goes on.
      if (goodBytes === 0) throw error;
      logger.warn('the journal could not be written anew; the old file is used', { path, error });
      const handle = await open(path, APPEND);
      await handle.truncate(goodBytes);
      return new Journal(path, { handle, bytes: goodBytes }, options);
    }
  }

  /** Resolves when the entries are on the disk and applied: all of them, or none. @throws the error of the disk */
  async append(...entries: readonly Entry[]): Promise<void> {
    // Made here, so that an entry that is no JSON fails alone.
    await this.#lines.add({ text: textOf(entries), entries });
  }

  /** Bytes of the file. */
  async size(): Promise<number> {
    return (await stat(this.#path)).size;
  }

  async close(): Promise<void> {
    await this.#lines.idle();
    await this.#file.close();
  }

  async #flush(lines: readonly Lines<Entry>[]): Promise<undefined> {
    const text = lines.map((each) => each.text).join('');
    if (this.#goodBytes <= this.#compactAtBytes || !(await this.#compact(text))) await this.#write(text);
    for (const { entries } of lines) for (const entry of entries) this.#apply(entry);
  }

  #apply(entry: Entry): void {
    try {
      this.#options.apply(entry);
    } catch (error) {
      this.#options.logger.error('an entry of the journal has no effect', { error });
    }
  }

  async #write(text: string): Promise<void> {
    await this.#mend();
    try {
      await this.#file.appendFile(text);
      if (!IS_SYNCED) await this.#file.datasync();
    } catch (error) {
      this.#isTorn = true;
      await this.#mend().catch(() => {});
      throw error;
    }
    this.#goodBytes += Buffer.byteLength(text);
  }

  async #mend(): Promise<void> {
    if (!this.#isTorn) return;
    await this.#file.truncate(this.#goodBytes);
    this.#isTorn = false;
  }

  /** Writes a snapshot with these new lines after it. @returns whether there was room for it */
  async #compact(text: string): Promise<boolean> {
    const { snapshot, logger } = this.#options;
    try {
      const { handle, bytes } = await writeAnew(this.#path, snapshot(), text);
      await this.#file.close().catch(() => {});
      this.#file = handle;
      this.#goodBytes = bytes;
      this.#isTorn = false;
      this.#compactAtBytes = bytes + this.#compactAfterBytes;
      return true;
    } catch (error) {
      logger.warn('the journal could not be written anew; it grows on', { path: this.#path, error });
      this.#compactAtBytes = this.#goodBytes + this.#compactAfterBytes * TRY_AGAIN_AFTER;
      return false;
    }
  }
}

/** One for all, because several appends belong to each message. */
const APPLIED = Promise.resolve();

/** Applies entries at once, and keeps none of them. */
export class MemoryJournal<Entry> implements Pick<Journal<Entry>, 'append' | 'close'> {
  readonly #apply: (entry: Entry) => void;

  constructor({ apply }: Pick<JournalOptions<Entry>, 'apply'>) {
    this.#apply = apply;
  }

  append(...entries: readonly Entry[]): Promise<void> {
    try {
      for (const entry of entries) this.#apply(entry);
    } catch (error) {
      return Promise.reject(error);
    }
    return APPLIED;
  }

  async close(): Promise<void> {}
}

function textOf(entries: readonly unknown[]): string {
  const end = (index: number) => (index < entries.length - 1 ? MORE_FOLLOWS : '');
  return entries.map((entry, index) => `${JSON.stringify(entry)}${end(index)}\n`).join('');
}

interface Written {
  readonly handle: FileHandle;
  readonly bytes: number;
}

async function writeAnew(path: string, entries: Iterable<unknown>, more = ''): Promise<Written> {
  const draft = `${path}.new`;
  await rm(draft, { force: true });
  // Opened for appending, because a file that is cut back must not be written beyond its end.
  const handle = await open(draft, 'a');
  let bytes = 0;
  const write = async (piece: string) => {
    await handle.appendFile(piece);
    bytes += Buffer.byteLength(piece);
  };
  try {
    let piece = '';
    for (const entry of entries) {
      piece += `${JSON.stringify(entry)}\n`;
      if (piece.length < PIECE_LENGTH) continue;
      await write(piece);
      piece = '';
    }
    await write(piece + more);
    await handle.sync();
    const synced = await open(draft, APPEND);
    await rename(draft, path).catch(async (error: unknown) => {
      await synced.close();
      throw error;
    });
    await handle.close();
    return { handle: synced, bytes };
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(draft, { force: true }).catch(() => {});
    throw error;
  }
}

/** The complete lines of a file, each with the offset of its end; none if there is no file. */
async function* linesOf(path: string): AsyncGenerator<{ text: string; endsAt: number }> {
  const isThere = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!isThere) return;
  let rest: Buffer[] = [];
  let offset = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = Buffer.concat([...rest, chunk.subarray(start, end)]);
      yield { text: line.toString('utf8'), endsAt: offset + end + 1 };
      rest = [];
      start = end + 1;
    }
    rest.push(chunk.subarray(start));
    offset += chunk.length;
  }
}
