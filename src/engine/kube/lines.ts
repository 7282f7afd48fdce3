import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { TimeSlice } from '../../base/timeSlice.ts';

/** An API server stores no object larger than some 1.5 MB; its JSON may be a few times that. */
const LONGEST_LINE_BYTES = 16 * 2 ** 20;

/**
 * Splits a stream into lines, never decoding half a character. Between lines it lets the event loop run: the chunks of
 * a list of thousands of objects would otherwise block it.
 *
 * @throws CodedError `LineTooLong`, before an endless line fills the memory
 */
export async function* lines(chunks: AsyncIterable<unknown>, clock: Clock): AsyncIterable<string> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  const slice = new TimeSlice(clock);
  for await (const chunk of chunks as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10, from); end !== -1; end = chunk.indexOf(10, from)) {
      rest.push(chunk.subarray(from, end));
      const line = (rest.length === 1 ? (rest[0] as Buffer) : Buffer.concat(rest)).toString('utf8');
      rest = [];
      restBytes = 0;
      from = end + 1;
      if (line !== '') yield line;
      // The time of the reader counts too: the reader runs while this generator waits in `yield`.
      const pause = slice.pause();
      if (pause) await pause;
    }
    if (from === chunk.length) continue;
    rest.push(chunk.subarray(from));
    restBytes += chunk.length - from;
    if (restBytes > LONGEST_LINE_BYTES)
      throw new CodedError(
        'LineTooLong',
        `a line of the answer is longer than ${LONGEST_LINE_BYTES / 2 ** 20} MiB`,
        { retriable: true },
      );
  }
  if (rest.length > 0) yield Buffer.concat(rest).toString('utf8');
}
