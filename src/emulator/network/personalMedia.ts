import { createHash } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../wire/protocol.ts';

/** How much of a file one call carries. */
const PART_BYTES = 256 * 1024;

/** Media that people sent, by checksum, until somebody removes the folder. */
export class PersonalMedia {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns the checksum, hex */
  async keep(content: Buffer): Promise<string> {
    const sha256 = createHash('sha256').update(content).digest('hex');
    await mkdir(this.#folder, { recursive: true });
    await writeFile(join(this.#folder, sha256), content);
    return sha256;
  }

  /** Base64 of the part that begins at `offset`; empty at the end. @throws Refusal 1006 */
  async part(sha256: string, offset: number): Promise<string> {
    const path = join(this.#folder, sha256.replace(/[^0-9a-f]/g, ''));
    const file = await open(path).catch(() => {
      throw new Refusal(1006, 'No such media');
    });
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(PART_BYTES), 0, PART_BYTES, offset);
      return buffer.subarray(0, bytesRead).toString('base64');
    } finally {
      await file.close();
    }
  }
}
