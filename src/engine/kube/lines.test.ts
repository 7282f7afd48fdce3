import { describe, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { lines } from './lines.ts';

async function* chunksOf(...chunks: readonly (string | Buffer)[]) {
  for (const chunk of chunks) yield Buffer.from(chunk);
}
async function read(chunks: AsyncIterable<unknown>): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines(chunks, systemClock)) found.push(line);
  return found;
}

describe('the lines of a stream', () => {
  it('are put together from chunks, even where a chunk ends within a character', async () => {
    const bytes = Buffer.from('one\ntwö\n\nthree');
    const cut = bytes.indexOf('ö') + 1;
    expect(await read(chunksOf(bytes.subarray(0, cut), bytes.subarray(cut)))).toEqual([
      'one',
      'twö',
      'three',
    ]);
  });

  it('may be many and long together, but a line without end is refused before it fills the memory', async () => {
    let sent = 0;
    const chunk = Buffer.alloc(2 ** 20, 'a');
    async function* endless() {
      for (; sent < 1000; sent++) yield chunk;
    }
    await expect(read(endless())).rejects.toMatchObject({ code: 'LineTooLong' });
    expect(sent).toBeLessThan(20);
    const lineBytes = Buffer.concat([chunk, Buffer.from('\n')]);
    expect(await read(chunksOf(...Array.from({ length: 20 }, () => lineBytes)))).toHaveLength(20);
  });
});
