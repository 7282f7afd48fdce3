import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MediaFolder } from './mediaFolder.ts';
import { MediaTar } from './mediaTar.ts';

const never = new AbortController().signal;
const NOON = new Date('2026-01-01T12:00:00.750Z');
const LATER = new Date('2026-01-01T12:00:02Z');
const BEFORE = new Date('2026-01-01T11:00:00Z');

let root: string;
const at = (...path: string[]) => join(root, ...path);
const put = async (path: string, content: string, time = NOON) => {
  await writeFile(at(path), content);
  await utimes(at(path), time, time);
};
const fill = (content: AsyncIterable<Uint8Array> = new MediaTar(at('source')).content(never)) =>
  new MediaFolder(at('target')).fill(content, never);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'media-'));
  await mkdir(at('source/shared'), { recursive: true });
  await mkdir(at('target'));
  await put('source/shared/photo', 'a photo');
  await put('source/shared/empty', '');
  await put('source/shared/large', 'x'.repeat(300_000));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('the folder of the media', () => {
  it('gets the files of a backup with their times, and nothing else', async () => {
    expect(await fill()).toEqual({ restored: 3, kept: 0 });
    expect(await readdir(at('target'), { recursive: true })).toEqual(
      expect.arrayContaining(['shared', 'shared/photo', 'shared/empty', 'shared/large']),
    );
    expect(await readdir(at('target/shared'))).toHaveLength(3);
    expect(await readFile(at('target/shared/large'), 'utf8')).toBe('x'.repeat(300_000));
    expect((await stat(at('target/shared/photo'))).mtimeMs).toBe(NOON.getTime() - 750);
  });

  it('keeps what is there and not older, and replaces what is older', async () => {
    await mkdir(at('target/shared'));
    await put('target/shared/photo', 'a later photo', LATER);
    await put('target/shared/empty', 'an earlier state', BEFORE);
    expect(await fill()).toEqual({ restored: 2, kept: 1 });
    expect(await readFile(at('target/shared/photo'), 'utf8')).toBe('a later photo');
    expect(await readFile(at('target/shared/empty'), 'utf8')).toBe('');
    expect(await fill()).toEqual({ restored: 0, kept: 3 });
  });

  it('is filled further by a try after one that was interrupted in the middle of a file', async () => {
    async function* broken() {
      let bytes = 0;
      for await (const chunk of new MediaTar(at('source')).content(never)) {
        yield chunk;
        bytes += chunk.length;
        if (bytes > 100_000) throw new Error('the connection is lost');
      }
    }
    await expect(fill(broken())).rejects.toThrow('the connection is lost');
    const left = await readdir(at('target/shared'));
    expect(left).toContain('empty');
    expect(left).not.toContain('large');
    expect(await fill()).toEqual({ restored: 2, kept: 1 });
    expect((await readdir(at('target/shared'))).sort()).toEqual(['empty', 'large', 'photo']);
  });

  it.each(['../outside', '/outside', 'shared/../../outside', 'shared/./photo'])(
    'refuses the name %s',
    async (name) => {
      const tar = pack();
      tar.entry({ name }, 'content');
      tar.finalize();
      await expect(fill(tar as AsyncIterable<Uint8Array>)).rejects.toMatchObject({ code: 'BackupCorrupted' });
      expect((await readdir(root)).sort()).toEqual(['source', 'target']);
    },
  );

  it('follows no link to another place', async () => {
    await mkdir(at('elsewhere'));
    await symlink(at('elsewhere'), at('target/shared'));
    await expect(fill()).rejects.toMatchObject({ code: 'MediaUnwritable' });
    expect(await readdir(at('elsewhere'))).toEqual([]);
  });

  it('says what to mend where it cannot be written', async () => {
    await writeFile(at('target/shared'), 'no folder');
    await expect(fill()).rejects.toMatchObject({
      code: 'MediaUnwritable',
      retriable: false,
      message: expect.stringContaining('let the user of the pod write to the media volume'),
    });
  });
});
