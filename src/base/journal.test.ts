import { appendFile, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Journal } from './journal.ts';
import { silentLogger } from './logger.ts';

/** A sum, and how it came about. */
type Entry = { total: number } | { add: number };
let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-journal-'));
  path = join(folder, 'journal.jsonl');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

/** A journal and the sum that it leads to. */
async function opened(compactAfterBytes = 64 * 1024 * 1024) {
  const errors: string[] = [];
  const sum = { total: 0, journal: undefined as unknown as Journal<Entry>, errors };
  sum.journal = await Journal.open<Entry>(path, {
    apply: (entry) => {
      sum.total = 'total' in entry ? entry.total : sum.total + entry.add;
    },
    snapshot: () => [{ total: sum.total }],
    logger: { ...silentLogger, error: (message) => void errors.push(message) },
    compactAfterBytes,
  });
  return sum;
}

async function totalOnDisk(): Promise<number> {
  const { journal, total } = await opened();
  await journal.close();
  return total;
}

/** From now on the disk takes half of what is written. @returns what makes room again */
async function fillDisk(): Promise<() => void> {
  const handle = await open(join(folder, 'any'), 'a');
  const methods = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  const { appendFile: whole } = methods;
  const full = vi.spyOn(methods, 'appendFile').mockImplementation(async function (this: typeof handle, text) {
    await whole.call(this, String(text).slice(0, String(text).length / 2));
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  });
  return () => full.mockRestore();
}

describe('a journal', () => {
  it('holds what was appended, and drops a line that a crash cut short', async () => {
    const { journal } = await opened();
    await Promise.all([1, 2, 3].map((add) => journal.append({ add })));
    await journal.close();
    await appendFile(path, '{"add":40');
    expect(await totalOnDisk()).toBe(6);
  });

  it('takes all entries of an append or none, wherever a crash cut the file', async () => {
    const { journal } = await opened();
    await journal.append({ add: 1 }, { add: 2 }, { add: 4 });
    await journal.append({ add: 8 }, { add: 16 });
    await journal.close();
    const whole = await readFile(path, 'utf8');
    const totals = new Set<number>();
    for (let length = 1; length <= whole.length; length++) {
      await writeFile(path, whole.slice(0, length));
      totals.add(await totalOnDisk());
    }
    expect([...totals]).toEqual([0, 7, 31]);
  });

  it('goes on after an append that a crash cut short', async () => {
    const first = await opened();
    await first.journal.append({ add: 1 }, { add: 2 });
    await first.journal.close();
    const whole = await readFile(path, 'utf8');
    await appendFile(path, whole.slice(whole.indexOf('{"add":1}'), whole.indexOf('{"add":2}')));
    // There is no room for a snapshot, so the old file is used.
    const makeRoom = await fillDisk();
    const second = await opened();
    makeRoom();
    await second.journal.append({ add: 4 });
    await second.journal.close();
    expect([second.total, await totalOnDisk()]).toEqual([7, 7]);
  });

  it('is written anew when it has grown, and loses nothing of what arrives meanwhile', async () => {
    const sum = await opened(1000);
    const add = () => sum.journal.append({ add: 1 });
    for (let round = 0; round < 50; round++) await Promise.all(Array.from({ length: 20 }, add));
    expect(sum.total).toBe(1000);
    expect(await sum.journal.size()).toBeLessThan(3000);
    await sum.journal.close();
    expect((await readFile(path, 'utf8')).startsWith('{"total":')).toBe(true);
    expect(await totalOnDisk()).toBe(1000);
  });

  it('applies nothing that a full disk refused, and goes on without a torn line when there is room', async () => {
    const sum = await opened();
    await sum.journal.append({ add: 1 });
    const makeRoom = await fillDisk();
    await expect(sum.journal.append({ add: 10 })).rejects.toThrow('no space left');
    await expect(sum.journal.append({ add: 10 }, { add: 10 })).rejects.toThrow('no space left');
    expect(sum.total).toBe(1);
    makeRoom();
    await sum.journal.append({ add: 2 });
    expect(sum.total).toBe(3);
    await sum.journal.close();
    expect(await totalOnDisk()).toBe(3);
    expect(sum.errors).toEqual([]);
  });

  it('starts on a full disk, and keeps the old file while there is no room for a snapshot', async () => {
    const first = await opened();
    await first.journal.append({ add: 5 });
    await first.journal.close();
    const makeRoom = await fillDisk();
    const second = await opened();
    expect(second.total).toBe(5);
    makeRoom();
    await second.journal.append({ add: 6 });
    await second.journal.close();
    expect(await totalOnDisk()).toBe(11);
  });

  it('skips a damaged line, says so, and reads those after it', async () => {
    await writeFile(path, '{"total":1}\n{"add":{"add":2}\n{"add":3}\n');
    const { total, errors, journal } = await opened();
    await journal.close();
    expect([total, errors]).toEqual([4, ['a damaged line of the journal was skipped']]);
  });

  it('refuses an entry that is no JSON, and takes the one beside it', async () => {
    const sum = await opened();
    const outcomes = await Promise.allSettled([
      sum.journal.append({ add: 1n as unknown as number }),
      sum.journal.append({ add: 2 }),
    ]);
    await sum.journal.close();
    expect([outcomes.map(({ status }) => status), sum.total]).toEqual([['rejected', 'fulfilled'], 2]);
  });
});
