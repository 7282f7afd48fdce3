import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Journal } from '../../src/base/journal.ts';
import { silentLogger } from '../../src/base/logger.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-journal-'));
  path = join(folder, 'journal.jsonl');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const entries = fc.array(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), {
  minLength: 1,
  maxLength: 6,
});
const linesOf = (written: readonly unknown[]) =>
  written.map((entry) => `${JSON.stringify(entry)}\n`).join('');
/** As they come back: JSON knows no negative zero. */
const plain = (written: readonly unknown[]) => written.map((entry) => JSON.parse(JSON.stringify(entry)));

async function opened() {
  const read: unknown[] = [];
  const journal = await Journal.open<unknown>(path, {
    apply: (entry) => void read.push(entry),
    snapshot: () => read,
    logger: silentLogger,
  });
  return { journal, read };
}
async function readBack(): Promise<unknown[]> {
  const { journal, read } = await opened();
  await journal.close();
  return read;
}

describe('the journal of the network process', () => {
  it(`keeps all entries whose lines were written, wherever a crash cut the file (seed ${SEED})`, async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.nat(), async (written, at) => {
        const bytes = Buffer.from(linesOf(written));
        const cut = bytes.subarray(0, at % (bytes.length + 1));
        await writeFile(path, cut);
        const whole = cut.toString('latin1').split('\n').length - 1;
        expect(await readBack()).toEqual(plain(written).slice(0, whole));
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
  }, 600_000);

  it(`goes on after any tail that was never confirmed (seed ${SEED})`, async () => {
    const tail = fc
      .uint8Array({ maxLength: 200 })
      .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 10)));
    await fc.assert(
      fc.asyncProperty(entries, tail, fc.jsonValue(), async (written, rest, next) => {
        await writeFile(path, Buffer.concat([Buffer.from(linesOf(written)), rest]));
        const { journal, read } = await opened();
        expect(read).toEqual(plain(written));
        await journal.append({ next });
        await journal.close();
        expect(await readBack()).toEqual(plain([...written, { next }]));
        expect((await readFile(path, 'utf8')).endsWith('\n')).toBe(true);
      }),
      { numRuns: Math.ceil(RUNS / 3), seed: SEED, endOnFailure: true },
    );
  }, 600_000);
});
