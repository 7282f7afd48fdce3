import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileBody } from './fileBody.ts';

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-body-'));
  path = join(folder, 'file');
  await writeFile(path, Buffer.alloc(300_000, 'x'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const turn = () => new Promise((resolve) => setTimeout(resolve, 20));
/** How often this process has the file open. */
async function opened(): Promise<number> {
  await turn();
  const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''));
  return (await Promise.all(links)).filter((target) => target === path).length;
}

describe.skipIf(process.platform !== 'linux')('a file as a body', () => {
  it('arrives whole and is closed', async () => {
    expect((await new Response(fileBody(path)).arrayBuffer()).byteLength).toBe(300_000);
    expect(await opened()).toBe(0);
  });

  it('is not opened for an answer that nobody reads, or that can not be made', async () => {
    new Response(fileBody(path));
    expect(() => new Response(fileBody(path), { headers: { 'content-type': 'a\nb' } })).toThrow();
    expect(await opened()).toBe(0);
  });

  it('is closed when the reader goes away', async () => {
    const reader = fileBody(path).getReader();
    await reader.read();
    expect(await opened()).toBe(1);
    await reader.cancel();
    expect(await opened()).toBe(0);
  });

  it('fails for the reader if it is gone', async () => {
    await expect(new Response(fileBody(join(folder, 'none'))).arrayBuffer()).rejects.toThrow();
  });
});
