import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { constants, openSync } from 'node:fs';
import { mkdtemp, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { exited } from '../base/childProcess.ts';
import { PipeReader } from './pipeReader.ts';

const CHUNK = 256 * 1024;

async function namedPipe() {
  const path = join(await mkdtemp(join(tmpdir(), 'waba-reader-')), 'fifo');
  await exited(spawn('mkfifo', [path]));
  const reader = new PipeReader(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  return { reader, writer: await open(path, 'w') };
}
const later = promisify(setImmediate);

describe('the reading end of a named pipe', () => {
  it('gives what was written, in full chunks whatever the writer does, also to a slow user', async () => {
    const { reader, writer } = await namedPipe();
    const content = randomBytes(3 * CHUNK + 12_345);
    const write = async () => {
      for (let from = 0; from < content.length; from += 4_096)
        await writer.write(content.subarray(from, from + 4_096));
      await writer.close();
    };
    const written = write();
    const hash = createHash('sha256');
    const lengths: number[] = [];
    for await (const chunk of reader.chunks()) {
      lengths.push(chunk.length);
      // The pipe fills meanwhile, and what is in use must not change.
      for (let turn = 0; turn < 100; turn++) await later();
      hash.update(chunk);
    }
    await written;
    expect(lengths).toEqual([CHUNK, CHUNK, CHUNK, 12_345]);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
  });

  it('is empty if nothing was written', async () => {
    const { reader, writer } = await namedPipe();
    await writer.close();
    expect(await buffer(reader.chunks())).toHaveLength(0);
  });

  it('fails as it was told to while it waits, and gives no half of a chunk', async () => {
    const { reader, writer } = await namedPipe();
    await writer.write('the beginning');
    const reading = buffer(reader.chunks());
    await later();
    reader.destroy(new Error('the tool failed'));
    await expect(reading).rejects.toThrow('the tool failed');
    await writer.close();
  });
});
