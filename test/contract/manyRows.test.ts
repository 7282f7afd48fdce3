import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { type Databases, openDatabases } from '../../src/stack/store/databases.ts';
import { upgradeSchema } from '../../src/stack/store/upgrade.ts';
import { testDatabase } from '../support/testDatabase.ts';

const COLUMNS = { shard: 'int4', event_key: 'text', payload: 'text' } as const;
const HARD = ['', '"', '\\', '{a,"b"}', 'NULL', 'null', ' ', '\n\t', "'; --", 'ä€😀', '{"a":"\\"\\\\"}'];

let database: Awaited<ReturnType<typeof testDatabase>>;
let databases: Databases;

beforeAll(async () => {
  database = await testDatabase();
  const { engine, port, password } = database;
  const settings = { engine, host: '127.0.0.1', port, username: 'waba', password, prefix: 'rows_' };
  databases = openDatabases(settings, silentLogger);
  await upgradeSchema(settings, databases, ['message'], silentLogger);
});
beforeEach(() => databases.message.deleteFrom('callbacks').execute());
afterAll(async () => {
  await databases?.close();
  await database?.close();
});

const insert = (payloads: readonly string[]) => {
  const rows = payloads.map((payload, index) => ({ shard: index - 1, event_key: `key-${index}`, payload }));
  return databases.dialect.insertMany(databases.message, 'callbacks', COLUMNS, rows);
};
const stored = () => databases.message.selectFrom('callbacks').selectAll().orderBy('shard').execute();

describe('many rows in one statement', () => {
  it('are stored as they are, whatever their texts hold', async () => {
    await insert(HARD);
    const rows = await stored();
    expect(rows.map(({ payload }) => payload)).toEqual(HARD);
    expect(rows.map(({ shard }) => shard)).toEqual(HARD.map((_, index) => index - 1));
  });

  it('are stored as they are for any JSON', async () => {
    const payloads = fc.array(
      fc.jsonValue().map((value) => JSON.stringify(value)),
      { minLength: 1 },
    );
    await fc.assert(
      fc.asyncProperty(payloads, async (texts) => {
        await databases.message.deleteFrom('callbacks').execute();
        await insert(texts);
        expect((await stored()).map(({ payload }) => payload)).toEqual(texts);
      }),
      { numRuns: 30 },
    );
  });

  it('are found by many keys, texts or numbers, also by numbers that no row has', async () => {
    await insert(['a', 'b', 'c']);
    const rows = await stored();
    const seqs = rows.map(({ seq }) => seq);
    const payloadsBy = async (condition: ReturnType<typeof isOneOf>) =>
      (await databases.message.selectFrom('callbacks').select('payload').where(condition).execute())
        .map(({ payload }) => payload)
        .sort();
    const { isOneOf, isNoneOf } = databases.dialect;
    const far = [0, -1, 2 ** 32 + (seqs[0] ?? 0), Number.MAX_SAFE_INTEGER];
    expect(await payloadsBy(isOneOf('event_key', ['key-0', 'key-2', 'key-"', '']))).toEqual(['a', 'c']);
    expect(await payloadsBy(isOneOf('seq', [...seqs.slice(0, 2), ...far]))).toEqual(['a', 'b']);
    expect(await payloadsBy(isNoneOf('seq', [...seqs.slice(0, 2), ...far]))).toEqual(['c']);
  });
});
