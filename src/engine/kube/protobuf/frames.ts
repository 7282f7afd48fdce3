import type { Clock } from '../../../base/clock.ts';
import { CodedError } from '../../../base/codedError.ts';
import { TimeSlice } from '../../../base/timeSlice.ts';

/** An API server stores no object larger than some 1.5 MB. */
const LONGEST_FRAME_BYTES = 16 * 2 ** 20;
const HEADER_BYTES = 4;

/**
 * Splits a stream into frames, each after its length in four bytes. Between frames it lets the event loop run, as `lines`
 * does. A frame is valid until the next one is asked for only if its reader copies what it keeps: it may share memory
 * with others.
 *
 * @throws CodedError `FrameTooLong`, before an endless frame fills the memory; `FrameCutOff` where the stream ends within one
 */
export async function* frames(chunks: AsyncIterable<unknown>, clock: Clock): AsyncIterable<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let needed = HEADER_BYTES;
  const slice = new TimeSlice(clock);
  for await (const chunk of chunks as AsyncIterable<Buffer>) {
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes < needed) continue;
    rest = waiting.length === 1 ? chunk : Buffer.concat(waiting);
    let at = 0;
    for (;;) {
      if (rest.length - at < HEADER_BYTES) {
        needed = HEADER_BYTES;
        break;
      }
      const length = rest.readUInt32BE(at);
      if (length > LONGEST_FRAME_BYTES)
        throw new CodedError(
          'FrameTooLong',
          `a frame of the answer is longer than ${LONGEST_FRAME_BYTES / 2 ** 20} MiB`,
          { retriable: true },
        );
      needed = HEADER_BYTES + length;
      if (rest.length - at < needed) break;
      yield rest.subarray(at + HEADER_BYTES, at + needed);
      at += needed;
      // The time of the reader counts too: the reader runs while this generator waits in `yield`.
      const pause = slice.pause();
      if (pause) await pause;
    }
    waiting = at === rest.length ? [] : [rest.subarray(at)];
    waitingBytes = rest.length - at;
  }
  if (waitingBytes > 0)
    throw new CodedError('FrameCutOff', 'the answer ended within a frame', { retriable: true });
}
