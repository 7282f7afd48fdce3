import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import { keepLog, readLog } from './containerLog.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-log-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the log of a container', () => {
  it('gives whole lines: with times, since one, the last ones, and what came after', async () => {
    const path = join(folder, 'a', '0.log');
    const clock = new VirtualClock(Date.parse('2026-01-01T00:00:00Z'));
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    keepLog(path, { stdout, stderr }, clock);
    const text = async (query = {}) => (await readLog(path, 0, query)).text;
    stdout.write('one\ntw');
    await eventually(async () => (await text()) === 'one\n');
    const { offset } = await readLog(path, 0, {});
    await clock.advance(5_000);
    stdout.write('o words\n');
    await eventually(async () => (await text()) === 'one\ntwo words\n');
    stderr.end('three');
    stdout.end();
    await eventually(async () => (await text()) === 'one\ntwo words\nthree\n');

    expect(await text({ timestamps: true, tailLines: 2 })).toBe(
      '2026-01-01T00:00:05.000Z two words\n2026-01-01T00:00:05.000Z three\n',
    );
    expect(await text({ sinceMs: Date.parse('2026-01-01T00:00:01Z') })).toBe('two words\nthree\n');
    expect(await text({ tailLines: 0 })).toBe('');
    expect(await text({ tailLines: 9 })).toBe('one\ntwo words\nthree\n');
    expect((await readLog(path, offset, {})).text).toBe('two words\nthree\n');
  });
});
