import { mkdir, mkdtemp, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MediaTar } from './mediaTar.ts';
import { secretsText } from './secretsText.ts';

const signal = new AbortController().signal;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-collected-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function entries(tar: Buffer): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const reader = extract();
  reader.end(tar);
  for await (const entry of reader) found[entry.header.name] = String(await buffer(entry));
  return found;
}

describe('media as a tar stream', () => {
  it('holds all files, in the same bytes each time', async () => {
    await mkdir(join(folder, 'a/b'), { recursive: true });
    for (const [path, text] of Object.entries({ 'z.jpg': 'z', 'a/b/c.ogg': 'sound', 'a/empty': '' })) {
      await writeFile(join(folder, path), text);
      await utimes(join(folder, path), 1_700_000_000, 1_700_000_000);
    }
    await symlink('/etc/passwd', join(folder, 'link'));
    const tar = new MediaTar(folder);
    const bytes = await buffer(tar.content(signal));
    expect(await entries(bytes)).toEqual({ 'a/b/c.ogg': 'sound', 'a/empty': '', 'z.jpg': 'z' });
    expect({ files: tar.files, skipped: tar.skipped }).toEqual({ files: 3, skipped: 0 });
    expect((await buffer(new MediaTar(folder).content(signal))).equals(bytes)).toBe(true);
  });

  it('leaves out files that vanish, and fills up those that shrink', async () => {
    await writeFile(join(folder, '0'), Buffer.alloc(500_000, 'x'));
    await writeFile(join(folder, '1'), Buffer.alloc(3_000_000, 'x'));
    await writeFile(join(folder, '2'), 'gone soon');
    const tar = new MediaTar(folder);
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of tar.content(signal)) {
      const before = bytes;
      bytes += part.length;
      // By now the second file is being read.
      if (before < 700_000 && bytes >= 700_000) {
        await truncate(join(folder, '1'), 1_000_000);
        await rm(join(folder, '2'));
      }
      parts.push(part);
    }
    const found = await entries(Buffer.concat(parts));
    expect(Object.entries(found).map(([name, { length }]) => [name, length])).toEqual([
      ['0', 500_000],
      ['1', 3_000_000],
    ]);
    expect({ files: tar.files, skipped: tar.skipped }).toEqual({ files: 2, skipped: 2 });
  });
});

describe('mounted Secrets', () => {
  it('are read as they are mounted, each key once', async () => {
    const mounted = join(folder, 'shop-database');
    await mkdir(join(mounted, '..2026'), { recursive: true });
    await writeFile(join(mounted, '..2026/password'), 'hidden');
    await symlink('..2026', join(mounted, '..data'));
    await symlink('..data/password', join(mounted, 'password'));
    const { text, count } = await secretsText(folder);
    expect(JSON.parse(text)).toEqual({ 'shop-database': { password: 'aGlkZGVu' } });
    expect(count).toBe(1);
  });
});
