import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runBound } from './childProcess.ts';

const sh = (script: string, options: Parameters<typeof runBound>[1] = {}) =>
  runBound(['sh', '-c', script], options);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-run-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('a program that runs to its end', () => {
  it('gets its folder and environment, and returns what it prints on stdout', async () => {
    const env = { PATH: process.env.PATH, GREETING: 'hello' };
    expect(await sh('pwd; echo $GREETING; echo aside >&2', { cwd: folder, env })).toBe(`${folder}\nhello\n`);
  });

  it('returns all that it prints, however much that is', async () => {
    expect((await sh('seq 1 200000')).split('\n')).toHaveLength(200_001);
  });

  it('hands on each line of stderr', async () => {
    const lines: string[] = [];
    await sh('echo one >&2; echo two >&2; echo three', { onLine: (line) => lines.push(line) });
    expect(lines).toEqual(['one', 'two']);
  });

  it('fails with the end of stderr', async () => {
    await expect(sh('seq 1 30 >&2; exit 3')).rejects.toMatchObject({
      code: 'ProgramFailed',
      message: expect.stringMatching(/exit 3 failed with code 3:\n21\n22\n.*\n30$/s),
    });
    await expect(sh('kill -9 $$')).rejects.toThrow('was ended by SIGKILL');
  });

  it('ends when the signal fires, with the reason of the signal', async () => {
    const stop = new AbortController();
    const running = sh('sleep 60', { signal: stop.signal });
    stop.abort(new Error('stopped'));
    await expect(running).rejects.toThrow('stopped');
  });
});
