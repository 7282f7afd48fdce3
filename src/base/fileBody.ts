import { createReadStream, type ReadStream } from 'node:fs';

/**
 * A file as the body of an answer. It is opened with the first read: an answer that is never sent, such as that to HEAD,
 * leaves no descriptor behind.
 */
export function fileBody(path: string): ReadableStream<Uint8Array> {
  let file: ReadStream | undefined;
  let chunks: AsyncIterator<Uint8Array> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        file ??= createReadStream(path);
        chunks ??= file[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => void file?.destroy(),
    },
    { highWaterMark: 0 },
  );
}
