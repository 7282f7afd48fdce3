import { randomBytes } from 'node:crypto';
import type { PersonalMedia } from '../network/personalMedia.ts';
import { GraphFailure } from './graphFailure.ts';

interface Upload {
  readonly type: string;
  readonly bytes: number;
  readonly parts: Buffer[];
}

/** Uploads that have not ended; the oldest are forgotten. */
const MOST = 100;
/** Of a profile picture. */
const LARGEST_BYTES = 16 * 1024 * 1024;

/** Uploads in parts, which end with a handle. They are kept in memory, and their bytes among the media. */
export class ResumableUploads {
  readonly #media: PersonalMedia;
  readonly #uploads = new Map<string, Upload>();
  readonly #handles = new Map<string, { readonly sha256: string; readonly type: string }>();

  constructor(media: PersonalMedia) {
    this.#media = media;
  }

  /** @returns the id of the session. @throws GraphFailure */
  begin(bytes: number, type: string): string {
    if (!Number.isInteger(bytes) || bytes < 1 || bytes > LARGEST_BYTES)
      throw new GraphFailure(100, `Param file_length must be from 1 to ${LARGEST_BYTES}`);
    const id = `upload:${randomBytes(24).toString('base64url')}`;
    this.#uploads.set(id, { type, bytes, parts: [] });
    const [oldest] = this.#uploads.keys();
    if (this.#uploads.size > MOST && oldest !== undefined) this.#uploads.delete(oldest);
    return id;
  }

  /** How many bytes are there; undefined for an unknown session. */
  offset(id: string): number | undefined {
    const upload = this.#uploads.get(id);
    return upload && offsetOf(upload);
  }

  /** @returns the handle when the last byte is there. @throws GraphFailure for another offset, or too many bytes */
  async take(id: string, offset: number, bytes: Buffer): Promise<string | undefined> {
    const upload = this.#uploads.get(id);
    if (!upload) throw new GraphFailure(100, `There is no upload ${id}`);
    if (offset !== offsetOf(upload))
      throw new GraphFailure(100, `file_offset is ${offset}, and the upload is at ${offsetOf(upload)}`);
    if (offset + bytes.length > upload.bytes)
      throw new GraphFailure(100, `more than the ${upload.bytes} bytes that file_length says`);
    upload.parts.push(bytes);
    if (offsetOf(upload) < upload.bytes) return undefined;
    const sha256 = await this.#media.keep(Buffer.concat(upload.parts));
    this.#uploads.delete(id);
    const handle = `4::${randomBytes(24).toString('base64url')}`;
    this.#handles.set(handle, { sha256, type: upload.type });
    return handle;
  }

  /** What a handle stands for. */
  find(handle: string): { readonly sha256: string; readonly type: string } | undefined {
    return this.#handles.get(handle);
  }
}

const offsetOf = ({ parts }: Upload): number => parts.reduce((sum, part) => sum + part.length, 0);
