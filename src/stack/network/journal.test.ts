import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal } from './journal.ts';

/** A sum, and how it came about. */
type Entry = { total: number } | { add: number };
let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-journal-'));
  path = join(folder, 'journal.jsonl');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function totalOnDisk(): Promise<number> {
  let total = 0;
  for (const entry of await Journal.read<Entry>(path))
    total = 'total' in entry ? entry.total : total + entry.add;
  return total;
}

describe('a journal', () => {
  it('holds what was appended, and drops a line that a crash cut short', async () => {
    const journal = await Journal.start<Entry>(path, () => [{ total: 0 }]);
    await Promise.all([1, 2, 3].map((add) => journal.append({ add })));
    await journal.close();
    await appendFile(path, '{"add":40');
    expect(await totalOnDisk()).toBe(6);
  });

  it('is written anew when it has grown, and loses nothing of what arrives meanwhile', async () => {
    let total = 0;
    const journal = await Journal.start<Entry>(path, () => [{ total }], { compactAfterBytes: 1000 });
    const add = () => {
      total += 1;
      return journal.append({ add: 1 });
    };
    for (let round = 0; round < 50; round++) await Promise.all(Array.from({ length: 20 }, add));
    expect(await totalOnDisk()).toBe(1000);
    expect(await journal.size()).toBeLessThan(3000);
    await journal.close();
    expect((await readFile(path, 'utf8')).startsWith('{"total":')).toBe(true);
  });
});
