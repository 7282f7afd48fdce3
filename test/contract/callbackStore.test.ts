import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { CallbackStore } from '../../src/stack/store/callbackStore.ts';
import { type Databases, openDatabases } from '../../src/stack/store/databases.ts';
import { MessageStore } from '../../src/stack/store/messageStore.ts';
import { upgradeSchema } from '../../src/stack/store/upgrade.ts';
import { testDatabase } from '../support/testDatabase.ts';

const BACKLOG = 20_000;

let database: Awaited<ReturnType<typeof testDatabase>>;
let databases: Databases;
let callbacks: CallbackStore;
let messages: MessageStore;

beforeAll(async () => {
  database = await testDatabase();
  const { engine, port, password } = database;
  const settings = { engine, host: '127.0.0.1', port, username: 'waba', password, prefix: 'callbacks_' };
  databases = openDatabases(settings, silentLogger);
  await upgradeSchema(settings, databases, ['message'], silentLogger);
  callbacks = new CallbackStore(databases);
  messages = new MessageStore(databases);
});
afterAll(async () => {
  await databases?.close();
  await database?.close();
});

const add = (shard: number, index: number) =>
  messages.update({ callback: { shard, eventKey: `event-${shard}-${index}`, payload: { index } } });

describe('callbacks', () => {
  it('are read in the order in which they were stored, a postponed one not before its time', async () => {
    for (const index of [0, 1, 2, 3]) await add(7, index);
    const [first, second, third, fourth] = await callbacks.due(7, 10, []);
    expect([first, second, third, fourth].map((due) => due?.payload)).toEqual(
      [0, 1, 2, 3].map((index) => JSON.stringify({ index })),
    );
    await callbacks.postpone(first?.seq ?? 0, 1, 60_000);
    await callbacks.remove(second?.seq ?? 0);
    const seqs = async (except: number[]) => (await callbacks.due(7, 10, except)).map(({ seq }) => seq);
    expect(await seqs([])).toEqual([third?.seq, fourth?.seq]);
    expect(await seqs([third?.seq ?? 0])).toEqual([fourth?.seq]);
    await callbacks.postpone(first?.seq ?? 0, 2, -1000);
    expect((await callbacks.due(7, 1, []))[0]).toMatchObject({ seq: first?.seq, attempts: 2 });
  });

  it('are read from a long queue without sorting it, even if the database has no statistics of it', async () => {
    await Promise.all(Array.from({ length: BACKLOG }, (_, index) => add(0, index)));
    const plan = JSON.stringify(await callbacks.selectDue(0, 500, [1, 2, 3]).explain());
    expect(plan).toContain('callbacks_in_order');
    expect(plan).not.toMatch(/sort/i);
    expect(await callbacks.due(0, 500, [])).toHaveLength(500);
  });
});
