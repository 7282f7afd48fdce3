import type { Clock } from '../../base/clock.ts';
import { TimeSlice } from '../../base/timeSlice.ts';

/**
 * Splits a stream on newlines, never decoding half a character. Between lines the event loop gets its turn: a list
 * of thousands of objects arrives in chunks that would otherwise be worked off in one go.
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
      // The time that the reader took counts too: it ran while this generator waited in `yield`.
      const pause = slice.pause();
      if (pause) await pause;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
  if (rest.length > 0) yield Buffer.concat(rest).toString('utf8');
}
