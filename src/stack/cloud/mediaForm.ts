import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { fileBody } from '../../base/fileBody.ts';

/** A form whose bytes are read while they are sent. */
export interface MediaForm {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * The form by which the Cloud API takes a file of this type. Made by hand: `FormData` wants a `Blob`, and the blob of a file
 * cannot be read once the file was touched, as each further message with the same media does.
 */
export async function mediaForm(path: string, type: string): Promise<MediaForm> {
  const { size } = await stat(path);
  const boundary = `media-${randomUUID()}`;
  const field = (name: string, value: string) =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const head = Buffer.from(
    `${field('messaging_product', 'whatsapp')}${field('type', type)}--${boundary}\r\n` +
      `content-disposition: form-data; name="file"; filename="file"\r\ncontent-type: ${type}\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  async function* parts() {
    yield head;
    yield* fileBody(path);
    yield tail;
  }
  return {
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(head.length + size + tail.length),
    },
    body: parts(),
  };
}
