import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Destination } from '../../src/backup/destination.ts';
import { FileDestination } from '../../src/backup/fileDestination.ts';
import { S3Destination, type S3Options } from '../../src/backup/s3Destination.ts';
import { freePort } from '../../src/base/ports.ts';
import { filesBelow } from '../support/backupRig.ts';
import { BUCKET, type TestS3, testS3 } from '../support/testS3.ts';

const signal = new AbortController().signal;
const PART_BYTES = 5 * 1024 * 1024;

async function* pieces(bytes: Uint8Array, size = 100_000): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}
async function* breaking(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield* pieces(bytes);
  throw new Error('the source broke');
}
async function paths(destination: Destination, folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { path } of destination.list(folder, signal)) found.push(path);
  return found.sort();
}
const read = async (destination: Destination, path: string) => {
  const content = await destination.get(path, signal);
  return content && buffer(content);
};

let s3: TestS3;
let folder: string;
beforeAll(async () => {
  s3 = await testS3();
  folder = await mkdtemp(join(tmpdir(), 'waba-destination-'));
});
afterAll(async () => {
  await s3.close();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => s3.spoil(() => undefined));

const bucket = (changes: Partial<S3Options> = {}): S3Destination =>
  new S3Destination({
    bucket: BUCKET,
    prefix: 'pre/fix',
    endpoint: s3.endpoint,
    region: 'us-east-1',
    pathStyle: true,
    credentialsFolder: s3.credentialsFolder,
    ...changes,
  });
const OPEN = { folder: () => new FileDestination(folder), bucket: () => bucket() };
/** What interrupted writes have left. */
const LEFT = {
  folder: () => filesBelow(folder),
  bucket: () => filesBelow(join(s3.folder, 'root', BUCKET)),
};

describe.each(['folder', 'bucket'] as const)('a destination in a %s', (kind) => {
  let destination: Destination;
  beforeAll(() => {
    destination = OPEN[kind]();
  });
  afterAll(() => destination.close());

  it.each([0, 1, 100_000, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])('keeps %i bytes', async (size) => {
    const bytes = randomBytes(size);
    await destination.put('sizes/object', pieces(bytes), signal);
    expect((await read(destination, 'sizes/object'))?.equals(bytes)).toBe(true);
    const found: number[] = [];
    for await (const { bytes } of destination.list('sizes', signal)) found.push(bytes);
    expect(found).toEqual([size]);
  });

  it('replaces, lists and removes objects, and knows no others', async () => {
    for (const path of ['a/b/one', 'a/b/c/two', 'a/bb/three'])
      await destination.put(path, pieces(Buffer.from(path)), signal);
    await destination.put('a/b/one', pieces(Buffer.from('other')), signal);
    expect(await paths(destination, 'a/b')).toEqual(['a/b/c/two', 'a/b/one']);
    expect(String(await read(destination, 'a/b/one'))).toBe('other');
    await destination.remove('a/b/one', signal);
    await destination.remove('a/b/one', signal);
    expect(await read(destination, 'a/b/one')).toBeUndefined();
    expect(await paths(destination, 'a')).toEqual(['a/b/c/two', 'a/bb/three']);
    expect(await paths(destination, 'nowhere')).toEqual([]);
  });

  it.each([1000, 2 * PART_BYTES + 7])('shows nothing of a stream that broke after %i bytes', async (size) => {
    const left = await LEFT[kind]();
    await destination.put('broken/object', pieces(Buffer.from('before')), signal);
    await expect(destination.put('broken/object', breaking(randomBytes(size)), signal)).rejects.toThrow(
      'the source broke',
    );
    expect(String(await read(destination, 'broken/object'))).toBe('before');
    await destination.remove('broken/object', signal);
    await destination.sweep('broken', signal);
    expect(await LEFT[kind]()).toEqual(left);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let count = 0; ; count++) {
        if (count === 200) stop.abort(new Error('enough'));
        yield Buffer.alloc(64 * 1024);
      }
    }
    await expect(destination.put('stopped/object', endless(), stop.signal)).rejects.toThrow('enough');
    expect(await read(destination, 'stopped/object')).toBeUndefined();
  });
});

describe('a bucket whose server fails now and then', () => {
  it('is written and read all the same', { timeout: 60_000 }, async () => {
    const destination = bucket();
    const bytes = randomBytes(3 * PART_BYTES + 5);
    let asked = 0;
    s3.spoil(() => {
      asked++;
      if (asked % 5 === 1) return { status: 503, code: 'SlowDown' };
      if (asked % 5 === 3) return { cut: true };
      return undefined;
    });
    await destination.put('faulty/object', pieces(bytes), signal);
    let reads = 0;
    s3.spoil(({ method }) => (method === 'GET' && reads++ < 3 ? { cutAfterBytes: 1_000_000 } : undefined));
    expect((await read(destination, 'faulty/object'))?.equals(bytes)).toBe(true);
    expect(reads).toBe(4);
    destination.close();
  });

  it('and stays broken is given up', async () => {
    const destination = bucket({ limits: { attempts: 2 } });
    s3.spoil(() => ({ status: 500 }));
    await expect(destination.put('x', pieces(randomBytes(9)), signal)).rejects.toMatchObject({
      code: 'DestinationUnreachable',
      retriable: true,
    });
    s3.spoil(() => undefined);
    await destination.put('long', pieces(randomBytes(200_000)), signal);
    s3.spoil(() => ({ cutAfterBytes: 0 }));
    await expect(read(destination, 'long')).rejects.toMatchObject({ code: 'DestinationUnreachable' });
    destination.close();
  });

  it('is silent: the request is given up after its time', async () => {
    const destination = bucket({ limits: { attempts: 1, silentMs: 300 } });
    s3.spoil(() => ({ delayMs: 3_000 }));
    await expect(destination.put('x', pieces(randomBytes(9)), signal)).rejects.toMatchObject({
      code: 'DestinationUnreachable',
    });
    destination.close();
  });
});

describe('a bucket that cannot be used', () => {
  const failure = async (options: Partial<S3Options>) => {
    const destination = bucket({ limits: { attempts: 1 }, ...options });
    try {
      await destination.put('x', pieces(randomBytes(9)), signal);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      destination.close();
    }
  };
  const credentials = async (name: string, accessKeyId: string, secretAccessKey: string) => {
    const at = await mkdtemp(join(folder, name));
    await writeFile(join(at, 'accessKeyId'), accessKeyId);
    await writeFile(join(at, 'secretAccessKey'), secretAccessKey);
    return { credentialsFolder: at };
  };

  it('says what to mend', async () => {
    const nobody = await freePort();
    const says = (code: string, message: string) =>
      expect.objectContaining({ code, message: expect.stringContaining(message) });
    expect(await failure({ bucket: 'nowhere' })).toEqual(says('DestinationNotFound', 'no bucket nowhere'));
    expect(await failure(await credentials('key', 'stranger', 'x'))).toEqual(
      says('DestinationDenied', 'accessKeyId'),
    );
    expect(await failure(await credentials('secret', 'access', 'wrong'))).toEqual(
      says('DestinationDenied', 'secretAccessKey'),
    );
    expect(await failure({ credentialsFolder: join(folder, 'nothing') })).toEqual(
      says('DestinationDenied', 'there are no credentials'),
    );
    expect(await failure({ endpoint: `http://127.0.0.1:${nobody}` })).toEqual(
      says('DestinationUnreachable', 'refuses connections'),
    );
    expect(await failure({ endpoint: 'http://s3.invalid' })).toEqual(
      says('DestinationUnreachable', 'is unknown'),
    );
    s3.spoil(() => ({ status: 403, code: 'AccessDenied' }));
    expect(await failure({})).toEqual(says('DestinationDenied', 'PutObject'));
    s3.spoil(() => ({ status: 507, code: 'InsufficientStorage' }));
    expect(await failure({})).toEqual(says('DestinationFull', 'no space is left'));
    s3.spoil(() => ({ status: 403, code: 'QuotaExceeded' }));
    expect(await failure({})).toEqual(says('DestinationFull', 'quota'));
  });
});

describe('a folder that cannot be used', () => {
  it('says what to mend', async () => {
    const missing = new FileDestination(join(folder, 'missing'));
    await expect(missing.put('x', pieces(randomBytes(9)), signal)).rejects.toMatchObject({
      code: 'DestinationNotFound',
      message: expect.stringContaining('check that the claim is mounted'),
    });
    await expect(paths(missing, 'x')).rejects.toMatchObject({ code: 'DestinationNotFound' });
    expect(await readdir(folder)).not.toContain('missing');
  });
});
