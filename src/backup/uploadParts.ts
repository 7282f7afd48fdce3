import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { systemClock, withDeadline } from '../base/clock.ts';

interface Target {
  readonly client: S3Client;
  readonly object: { readonly Bucket: string; readonly Key: string };
  readonly partBytes: number;
  /** Two buffers of a part each, made when they are needed. Uploads that follow one another share them. */
  readonly buffers: Buffer[];
}

const ABORT_MS = 10_000;

/**
 * Stores a stream as one object: small ones at once, others in parts, of which one is sent while the next is filled. The two
 * buffers are used again and again: parts that wait for the garbage collector would take more memory than all else.
 * @param worded puts errors of the client into words; those of `content` come out as they are
 */
export async function uploadParts(
  { client, object, partBytes, buffers }: Target,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  worded: (error: unknown) => Error,
): Promise<void> {
  const send = async <T>(work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw worded(error);
    }
  };
  const options = { abortSignal: signal };
  let upload: string | undefined;
  const tags: (string | undefined)[] = [];
  const sendPart = (Body: Uint8Array) =>
    send(async () => {
      const part = { ...object, UploadId: upload, PartNumber: tags.length + 1, Body };
      tags.push((await client.send(new UploadPartCommand(part), options)).ETag);
    });
  /** The part on its way. Its error comes out with the next part. */
  let sending: Promise<unknown> = Promise.resolve();
  try {
    for await (const { bytes, isLast } of parts(content, partBytes, buffers)) {
      if (isLast && upload === undefined)
        return void (await send(() =>
          client.send(new PutObjectCommand({ ...object, Body: bytes }), options),
        ));
      upload ??= (await send(() => client.send(new CreateMultipartUploadCommand(object), options))).UploadId;
      await sending;
      sending = sendPart(bytes);
      sending.catch(() => {});
    }
    await sending;
    const Parts = tags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
    const whole = { ...object, UploadId: upload, MultipartUpload: { Parts } };
    await send(() => client.send(new CompleteMultipartUploadCommand(whole), options));
  } catch (error) {
    await sending.catch(() => {});
    if (upload !== undefined) {
      // Also when told to stop, and not for long: `sweep` finds what is left.
      const late = () => new Error(`the upload was not aborted within ${ABORT_MS} ms`);
      const deadline = withDeadline(systemClock, new AbortController().signal, ABORT_MS, late);
      const abort = new AbortMultipartUploadCommand({ ...object, UploadId: upload });
      await client.send(abort, { abortSignal: deadline.signal }).catch(() => {});
      deadline.release();
    }
    throw error;
  }
}

/** Fills two buffers in turn: a part is valid until the next but one. The last part is marked; it may be empty. */
async function* parts(
  content: AsyncIterable<Uint8Array>,
  size: number,
  buffers: Buffer[],
): AsyncGenerator<{ bytes: Uint8Array; isLast: boolean }> {
  let turn = 0;
  let length = 0;
  const current = () => (buffers[turn] ??= Buffer.allocUnsafeSlow(size));
  for await (const chunk of content) {
    for (let from = 0; from < chunk.length; ) {
      if (length === size) {
        yield { bytes: current(), isLast: false };
        turn = 1 - turn;
        length = 0;
      }
      const count = Math.min(size - length, chunk.length - from);
      current().set(chunk.subarray(from, from + count), length);
      length += count;
      from += count;
    }
  }
  yield { bytes: current().subarray(0, length), isLast: true };
}
