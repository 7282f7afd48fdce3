import type { Clock } from '../../base/clock.ts';
import { TimeSlice } from '../../base/timeSlice.ts';

/**
 * Splits a stream into lines, never decoding half a character. Between lines it lets the event loop run: the chunks of
 * a list of thousands of objects would otherwise block it.
 */
export async function* lines(chunks: AsyncIterable<unknown>, clock: Clock): AsyncIterable<string> {
  let rest: Buffer[] = [];
  const slice = new TimeSlice(clock);
  for await (const chunk of chunks as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10, from); end !== -1; end = chunk.indexOf(10, from)) {
      rest.push(chunk.subarray(from, end));
      const line = (rest.length === 1 ? (rest[0] as Buffer) : Buffer.concat(rest)).toString('utf8');
      rest = [];
      from = end + 1;
      if (line !== '') yield line;
      // The time of the reader counts too: the reader runs while this generator waits in `yield`.
      const pause = slice.pause();
      if (pause) await pause;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
  if (rest.length > 0) yield Buffer.concat(rest).toString('utf8');
}
