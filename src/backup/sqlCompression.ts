import type { Transform } from 'node:stream';
import zlib from 'node:zlib';
import { CodedError } from '../base/codedError.ts';
import { SQL_FORMS, type SqlForm } from './contract/contract.ts';

/** pg_dump compresses by itself; the tools of MySQL do not, so the agent does. */

type Bytes = AsyncIterable<Uint8Array>;

const CHUNK_BYTES = 128 * 1024;
const FASTEST = 1;

/** Node.js has it since 22.15; the types of Node.js 20 do not know it. */
interface Zstd {
  createZstdCompress(options: object): Transform;
  createZstdDecompress(options: object): Transform;
  readonly constants: { readonly ZSTD_c_compressionLevel: number };
}
const zstd = 'createZstdCompress' in zlib ? (zlib as unknown as Zstd) : undefined;

/** What this Node.js writes. On bytes that do not shrink, zstd is some twenty times as fast as gzip. */
export const sqlForm: SqlForm = zstd ? 'zst' : 'gz';

export async function* compressed(content: Bytes): AsyncGenerator<Uint8Array> {
  const options = { chunkSize: CHUNK_BYTES };
  yield* piped(
    content,
    zstd
      ? zstd.createZstdCompress({ ...options, params: { [zstd.constants.ZSTD_c_compressionLevel]: FASTEST } })
      : zlib.createGzip({ ...options, level: FASTEST }),
  );
}

/** The text of the object `path`, whose name tells how it was compressed. @throws CodedError `RestoreFailed` */
export async function* decompressed(path: string, content: Bytes): AsyncGenerator<Uint8Array> {
  const options = { chunkSize: CHUNK_BYTES };
  const form = SQL_FORMS.find((form) => path.endsWith(`.${form}.age`));
  if (form === 'gz') yield* piped(content, zlib.createGunzip(options));
  else if (zstd) yield* piped(content, zstd.createZstdDecompress(options));
  else
    throw new CodedError(
      'RestoreFailed',
      `${path} is compressed by zstd, which Node.js ${process.version} lacks; use Node.js 22.15 or later, as the image has it`,
    );
}

/** Errors of the source come out at the end, as they are. A chunk of it is used up before the next one is asked for. */
async function* piped(content: Bytes, through: Transform): AsyncGenerator<Uint8Array> {
  const isClosed = new Promise<void>((resolve) => void through.once('close', resolve));
  const feed = async () => {
    for await (const chunk of content) {
      const isWritten = new Promise<void>((resolve) => void through.write(chunk, () => resolve()));
      await Promise.race([isWritten, isClosed]);
      if (through.destroyed) return;
    }
    through.end();
  };
  // Nobody waits for its end: the source may be silent for long, and whoever owns it ends it.
  void feed().catch((error: Error) => void through.destroy(error));
  try {
    for await (const chunk of through) yield chunk as Buffer;
  } finally {
    through.destroy();
  }
}
