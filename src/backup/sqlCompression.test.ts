import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { databasesDump } from './contract/contract.ts';
import { compressed, decompressed, sqlForm } from './sqlCompression.ts';

const SQL = Buffer.concat([Buffer.alloc(300_000, 'INSERT '), randomBytes(300_000)]);

async function* pieces(bytes: Buffer, size = 70_000) {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

it('SQL comes back as it was, and smaller in between', async () => {
  const small = await buffer(compressed(pieces(SQL)));
  expect(small.length).toBeLessThan(310_000);
  expect((await buffer(decompressed(databasesDump(sqlForm), pieces(small)))).equals(SQL)).toBe(true);
});

it('a dump that another Node.js compressed by gzip is read', async () => {
  const content = decompressed(databasesDump('gz'), pieces(gzipSync(SQL)));
  expect((await buffer(content)).equals(SQL)).toBe(true);
});

it('a source that uses one buffer for all its chunks comes back as it was', async () => {
  async function* sharing() {
    const buffer = Buffer.alloc(70_000);
    for (let from = 0; from < SQL.length; from += buffer.length)
      yield buffer.subarray(0, SQL.copy(buffer, 0, from, from + buffer.length));
  }
  const small = await buffer(compressed(sharing()));
  expect((await buffer(decompressed(databasesDump(sqlForm), pieces(small)))).equals(SQL)).toBe(true);
});

it('a reader that stops is not held up by a source that is silent', async () => {
  async function* silent() {
    yield randomBytes(1_000_000);
    await new Promise(() => {});
  }
  for await (const chunk of compressed(silent())) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
});

it('a source that breaks is told as it is', async () => {
  async function* breaking() {
    yield SQL;
    throw new Error('the source broke');
  }
  await expect(buffer(compressed(breaking()))).rejects.toThrow('the source broke');
});
