import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { holdFolder } from './holdFolder.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-hold-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const write = (content: object | string) =>
  writeFile(join(folder, 'holder.json'), typeof content === 'string' ? content : JSON.stringify(content));

describe('a folder that a process holds', () => {
  it('is refused to the next one, by the name of its holder, until it is given back', async () => {
    const release = await holdFolder(folder, 'port 9090');
    await expect(holdFolder(folder, 'port 9091')).rejects.toMatchObject({
      code: 'InUse',
      message: `process ${process.pid} (port 9090) uses ${folder}; end it with "kill ${process.pid}", or choose another folder`,
    });
    await release();
    await (await holdFolder(folder, 'x'))();
  });

  it('is free when its holder was killed, also if another process has its id now', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const { pid } = child;
    await write({ pid, what: 'x' });
    await expect(holdFolder(folder, 'y')).rejects.toMatchObject({ code: 'InUse' });
    if (process.platform === 'linux') {
      await write({ pid, born: '1', what: 'x' });
      await (await holdFolder(folder, 'y'))();
      await write({ pid, what: 'x' });
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    const release = await holdFolder(folder, 'y');
    expect(JSON.parse(await readFile(join(folder, 'holder.json'), 'utf8'))).toMatchObject({ what: 'y' });
    await release();
  });

  it.each(['', '{', '{"pid":"x"}'])('is free when its file holds %j', async (content) => {
    await write(content);
    await (await holdFolder(folder, 'x'))();
  });
});
