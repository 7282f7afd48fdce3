import { type BodyShare, FREE_BYTES, TooManyBodies } from './bodyBudget.ts';

/** A body is longer than its endpoint takes. */
export class BodyTooLarge extends Error {
  constructor(largestBytes: number) {
    super(`the body is larger than ${largestBytes} bytes`);
    this.name = 'BodyTooLarge';
  }
}

/** The client went away before the end of its body. */
export class BodyCutShort extends Error {
  constructor(cause: unknown) {
    super('the body ended early', { cause });
    this.name = 'BodyCutShort';
  }
}

/**
 * The rest of a longer body that is read and dropped. A server that closes while a client writes cuts it off from its
 * answer.
 */
const DROPPED_BYTES = 16 * 1024 * 1024;

/**
 * Reads a body, and keeps no more of it than `largestBytes`: a client without an end must not fill the memory, and may
 * not say beforehand how much it sends. `share` holds what is kept until its owner releases it.
 * @throws BodyTooLarge, BodyCutShort, TooManyBodies
 */
export async function readBody(request: Request, largestBytes: number, share: BodyShare): Promise<Buffer> {
  const mostBytes = largestBytes + DROPPED_BYTES;
  const announced = request.headers.get('content-length');
  if (Number(announced ?? 0) > mostBytes) throw new BodyTooLarge(largestBytes);
  // Most bodies are short. The server reads one that says its length at a tenth of the cost of a stream.
  if (announced !== null && Number(announced) <= FREE_BYTES) return readShort(request, largestBytes);
  if (!request.body) return Buffer.alloc(0);
  const reader = (request.body as ReadableStream<Uint8Array>).getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let problem: Error | undefined;
  while (bytes <= mostBytes) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw new BodyCutShort(error);
    });
    if (done && problem) throw problem;
    if (done) return Buffer.concat(chunks, bytes);
    bytes += value.length;
    if (problem) continue;
    if (bytes > largestBytes) problem = new BodyTooLarge(largestBytes);
    else if (!share.hold(value.length)) problem = new TooManyBodies();
    if (!problem) chunks.push(value);
    else {
      chunks.length = 0;
      share.release();
    }
  }
  reader.cancel().catch(() => {});
  throw new BodyTooLarge(largestBytes);
}

/** Reads a body that no budget counts. */
async function readShort(request: Request, largestBytes: number): Promise<Buffer> {
  const bytes = await request.arrayBuffer().catch((error: unknown) => {
    throw new BodyCutShort(error);
  });
  if (bytes.byteLength > largestBytes) throw new BodyTooLarge(largestBytes);
  return Buffer.from(bytes);
}
