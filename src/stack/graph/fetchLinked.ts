import { type Clock, withDeadline } from '../../base/clock.ts';
import { openLink } from '../../base/openLink.ts';
import { isLegalType, LARGEST_UPLOAD_BYTES, UNKNOWN_TYPE } from '../../onprem/media.ts';

/** Not found in any source: how long a download may take. */
const DOWNLOAD_TIMEOUT_MS = 30_000;

/** The media behind a link of a message. `hosts`: those that links may name. @throws Error with the reason */
export async function fetchLinked(
  link: string,
  hosts: readonly string[] | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<{ readonly content: Buffer; readonly type: string }> {
  const late = () => new Error(`it did not arrive within ${DOWNLOAD_TIMEOUT_MS / 1000} s`);
  const deadline = withDeadline(clock, signal, DOWNLOAD_TIMEOUT_MS, late);
  try {
    const answer = await openLink(link, { hosts }, deadline.signal);
    try {
      const { statusCode = 0, headers } = answer;
      if (statusCode < 200 || statusCode > 299) throw new Error(`the server answered ${statusCode}`);
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > LARGEST_UPLOAD_BYTES) throw new Error(`it is larger than ${LARGEST_UPLOAD_BYTES} bytes`);
        chunks.push(chunk);
      }
      const type = headers['content-type'] ?? UNKNOWN_TYPE;
      return { content: Buffer.concat(chunks), type: isLegalType(type) ? type : UNKNOWN_TYPE };
    } finally {
      answer.destroy();
    }
  } finally {
    deadline.release();
  }
}
