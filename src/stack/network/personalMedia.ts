import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, mkdir, open, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../wire/protocol.ts';

/** How much of a file one call carries. */
const PART_BYTES = 256 * 1024;

/** Media that people and businesses sent each other, by checksum, until somebody removes the folder. */
export class PersonalMedia {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns the checksum, hex */
  async keep(content: Buffer): Promise<string> {
    const sha256 = createHash('sha256').update(content).digest('hex');
    await mkdir(this.#folder, { recursive: true });
    await writeFile(this.#path(sha256), content);
    return sha256;
  }

  has(sha256: string): Promise<boolean> {
    return access(this.#path(sha256)).then(
      () => true,
      () => false,
    );
  }

  /** Stores a part of an upload. After the last part, the checksum is verified and the file becomes readable. */
  async takePart(sha256: string, offset: number, content: Buffer, isLast: boolean): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const draft = `${this.#path(sha256)}.part`;
    const file = await open(draft, offset === 0 ? 'w' : 'r+').catch(() => {
      throw new Refusal(1006, 'No such upload');
    });
    try {
      await file.write(content, 0, content.length, offset);
    } finally {
      await file.close();
    }
    if (!isLast) return;
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(draft)) hash.update(chunk as Buffer);
    if (hash.digest('hex') !== sha256) throw new Refusal(1009, 'The checksum is not that of the media');
    await rename(draft, this.#path(sha256));
  }

  /** The bytes as a stream; undefined for an unknown checksum. */
  async read(sha256: string): Promise<ReturnType<typeof createReadStream> | undefined> {
    return (await this.has(sha256)) ? createReadStream(this.#path(sha256)) : undefined;
  }

  /** Base64 of the part that begins at `offset`; empty at the end. @throws Refusal 1006 */
  async part(sha256: string, offset: number): Promise<string> {
    const file = await open(this.#path(sha256)).catch(() => {
      throw new Refusal(1006, 'No such media');
    });
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(PART_BYTES), 0, PART_BYTES, offset);
      return buffer.subarray(0, bytesRead).toString('base64');
    } finally {
      await file.close();
    }
  }

  /** Only hex digits, so that a checksum can't name another folder. */
  #path(sha256: string): string {
    return join(this.#folder, sha256.replace(/[^0-9a-f]/g, ''));
  }
}
