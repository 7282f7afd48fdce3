import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileBody } from '../../base/fileBody.ts';
import { isReadable, normaliseType } from '../../onprem/media.ts';
import { Refusal } from '../wire/protocol.ts';

export interface MediaFile {
  readonly id: string;
  readonly type: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
  /** Of a document whose sender named it. */
  readonly filename?: string | undefined;
}

/** Media that a person sent, whether it was fetched or not. */
export interface ReceivedMedia extends Omit<MediaFile, 'bytes'> {
  /** The type of the message. */
  readonly kind: string;
  readonly from: string;
}

/** Media that was not used for this long is deleted by a collection. Source: docs/onprem/api-messaging.md §3.4. */
const UNUSED_MS = 30 * 86_400_000;
/** Ids are UUIDs. No other text names a file. */
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const HEAD_BYTES = 64;
/** Ends the names of files about media that people sent. */
const RECEIVED = '.received.json';

/** Files on the volume that Webapps and Coreapps share. They are streamed, never read into memory as a whole. */
export class MediaStore {
  readonly #folder: string;

  constructor(mediaFolder: string) {
    this.#folder = join(mediaFolder, 'shared');
  }

  /** @throws Refusal 1025 for more than `largestBytes`, 1014 for a broken image, 1005 if the folder is not writable */
  async write(
    content: AsyncIterable<Uint8Array>,
    type: string,
    largestBytes: number,
    { id = randomUUID(), filename }: { id?: string; filename?: string | undefined } = {},
  ): Promise<MediaFile> {
    const path = join(this.#folder, id);
    const hash = createHash('sha256');
    let bytes = 0;
    const measure = new Transform({
      transform(chunk: Buffer, _, done) {
        bytes += chunk.length;
        hash.update(chunk);
        if (bytes > largestBytes) done(new Refusal(1025, `The media is larger than ${largestBytes} bytes`));
        else done(null, chunk);
      },
    });
    try {
      await mkdir(this.#folder, { recursive: true });
      await pipeline(Readable.from(content), measure, createWriteStream(`${path}.part`));
      if (bytes === 0) throw new Refusal(1008, 'The body is empty');
      if (!isReadable(type, await head(`${path}.part`)))
        throw new Refusal(1014, 'The image is not readable', 400);
      const sha256 = hash.digest('hex');
      const file: MediaFile = { id, type: normaliseType(type), bytes, sha256, filename };
      await writeFile(`${path}.json`, JSON.stringify(file));
      await rename(`${path}.part`, path);
      return file;
    } catch (error) {
      await Promise.all(['.part', '.json'].map((kind) => rm(path + kind, { force: true })));
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EACCES' || code === 'EROFS') throw new Refusal(1005, 'The media folder is not writable');
      throw error;
    }
  }

  /** Remembers media that may be fetched later. */
  async announce(received: Omit<ReceivedMedia, 'id'>): Promise<ReceivedMedia> {
    const announced = { id: randomUUID(), ...received };
    await mkdir(this.#folder, { recursive: true });
    await writeFile(this.#received(announced.id), JSON.stringify(announced));
    return announced;
  }

  /** Media that was announced; undefined if there is none. */
  async received(id: string): Promise<ReceivedMedia | undefined> {
    if (!ID.test(id)) return undefined;
    const about = await readFile(this.#received(id), 'utf8').catch(() => undefined);
    return about === undefined ? undefined : (JSON.parse(about) as ReceivedMedia);
  }

  #received(id: string): string {
    return join(this.#folder, `${id}${RECEIVED}`);
  }

  /** Type and size of a file; undefined if there is none. */
  async find(id: string): Promise<MediaFile | undefined> {
    if (!ID.test(id)) return undefined;
    const about = await readFile(join(this.#folder, `${id}.json`), 'utf8').catch(() => undefined);
    return about === undefined ? undefined : (JSON.parse(about) as MediaFile);
  }

  /** The bytes of a file. Reading counts as a use, which protects the file from collection. */
  read(id: string): Readable {
    this.#use(id);
    return createReadStream(join(this.#folder, id));
  }

  #use(id: string): void {
    const now = new Date();
    utimes(join(this.#folder, id), now, now).catch(() => {});
  }

  /** The bytes of a file as the body of an answer. */
  body(id: string): ReadableStream<Uint8Array> {
    this.#use(id);
    return fileBody(join(this.#folder, id));
  }

  /** Path of the file in a container. */
  path(id: string): string {
    return join(this.#folder, id);
  }

  /** @returns whether the file existed */
  async remove(id: string): Promise<boolean> {
    if (!(await this.find(id)) && !(await this.received(id))) return false;
    const path = join(this.#folder, id);
    await Promise.all([path, `${path}.json`, this.#received(id)].map((each) => rm(each, { force: true })));
    return true;
  }

  /** Removes files that were not used for 30 days. @returns how many */
  async collect(nowMs: number): Promise<number> {
    let removed = 0;
    const names = await readdir(this.#folder).catch(() => []);
    for (const id of new Set(
      names.map((name) => name.replace(RECEIVED, '')).filter((name) => ID.test(name)),
    )) {
      const about =
        (await stat(join(this.#folder, id)).catch(() => undefined)) ??
        (await stat(this.#received(id)).catch(() => undefined));
      if (about && nowMs - about.mtimeMs > UNUSED_MS && (await this.remove(id))) removed += 1;
    }
    return removed;
  }
}

async function head(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
