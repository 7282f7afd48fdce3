import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileBody } from '../../base/fileBody.ts';
import type { networkProtocol } from '../wire/networkProtocol.ts';
import { type CallRequest, Refusal } from '../wire/protocol.ts';

/** How much of a file one call carries. */
const PART_BYTES = 256 * 1024;
const CHECKSUM = /^[0-9a-f]{64}$/;

/** How long media is kept that no chat shows and no event announces: an upload may be about to be used. */
const UNUSED_MS = 3_600_000;
/** Beyond this, the media that chats show goes as well, the oldest first. */
const MOST_BYTES = 2 * 1024 ** 3;

/** Checksums of media that must stay: those that are announced always, those that are shown while there is room. */
export interface UsedMedia {
  readonly announced: ReadonlySet<string>;
  readonly shown: ReadonlySet<string>;
}

type UploadPart = CallRequest<typeof networkProtocol, 'upload'>;

/** Media that people and businesses sent each other, by checksum. */
export class PersonalMedia {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns the checksum, hex */
  async keep(content: Buffer): Promise<string> {
    const sha256 = createHash('sha256').update(content).digest('hex');
    await mkdir(this.#folder, { recursive: true });
    const draft = `${this.path(sha256)}.${randomUUID()}.part`;
    try {
      await writeFile(draft, content);
      await rename(draft, this.path(sha256));
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    return sha256;
  }

  async has(sha256: string): Promise<boolean> {
    if (!CHECKSUM.test(sha256)) return false;
    const now = new Date();
    // Asking counts as a use, because the Coreapp does not upload what is there.
    return utimes(this.path(sha256), now, now).then(
      () => true,
      () => false,
    );
  }

  /** Bytes of a file; undefined for an unknown checksum. */
  async size(sha256: string): Promise<number | undefined> {
    return (await stat(this.path(sha256)).catch(() => undefined))?.size;
  }

  /** Stores a part of an upload. After the last part, the checksum is verified and the file becomes readable. */
  async takePart({ sha256, upload = '', offset, base64, isLast }: UploadPart): Promise<void> {
    const content = Buffer.from(base64, 'base64');
    await mkdir(this.#folder, { recursive: true });
    // Of this upload alone: the beginning of another one would empty the file between its check and its renaming.
    const draft = `${this.path(sha256)}.${upload}.part`;
    const file = await open(draft, offset === 0 ? 'w' : 'r+').catch(() => {
      throw new Refusal(1006, 'No such upload');
    });
    try {
      try {
        // A disk that fills up takes a part without an error.
        for (let written = 0; written < content.length; )
          written += (await file.write(content, written, content.length - written, offset + written))
            .bytesWritten;
      } finally {
        await file.close();
      }
      if (!isLast) return;
      const hash = createHash('sha256');
      for await (const chunk of createReadStream(draft)) hash.update(chunk as Buffer);
      if (hash.digest('hex') !== sha256) throw new Refusal(1009, 'The checksum is not that of the media');
      await rename(draft, this.path(sha256));
    } catch (error) {
      // Otherwise a full disk would stay full of unfinished uploads.
      await rm(draft, { force: true });
      throw error;
    }
  }

  /** The bytes as the body of an answer; undefined for an unknown checksum. */
  async read(sha256: string): Promise<ReadableStream<Uint8Array> | undefined> {
    return (await this.has(sha256)) ? fileBody(this.path(sha256)) : undefined;
  }

  /** Base64 of the part that begins at `offset`; empty at the end. @throws Refusal 1006 */
  async part(sha256: string, offset: number): Promise<string> {
    const file = await open(this.path(sha256)).catch(() => {
      throw new Refusal(1006, 'No such media');
    });
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(PART_BYTES), 0, PART_BYTES, offset);
      return buffer.subarray(0, bytesRead).toString('base64');
    } finally {
      await file.close();
    }
  }

  /** Deletes what nothing refers to any more, and the oldest beyond a size. @returns how many files */
  async collect({ announced, shown }: UsedMedia, nowMs: number): Promise<number> {
    const files = await Promise.all(
      (await readdir(this.#folder).catch(() => [])).map(async (name) => {
        const { size = 0, mtimeMs = nowMs } =
          (await stat(join(this.#folder, name)).catch(() => undefined)) ?? {};
        return { name, size, mtimeMs };
      }),
    );
    let bytes = files.reduce((sum, { size }) => sum + size, 0);
    let removed = 0;
    for (const { name, size, mtimeMs } of files.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
      const isUsed = shown.has(name) && bytes <= MOST_BYTES;
      if (announced.has(name) || isUsed || nowMs - mtimeMs < UNUSED_MS) continue;
      await rm(join(this.#folder, name), { force: true });
      bytes -= size;
      removed += 1;
    }
    return removed;
  }

  /** Where a file is. Only checksums name files. @throws Refusal 1009 */
  path(sha256: string): string {
    if (!CHECKSUM.test(sha256)) throw new Refusal(1009, 'sha256 is no checksum');
    return join(this.#folder, sha256);
  }
}
