import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { DatabaseCallbackStore } from '../../src/stack/store/callbackStore.ts';
import { type Databases, openDatabases } from '../../src/stack/store/databases.ts';
import { DatabaseMessageStore } from '../../src/stack/store/messageStore.ts';
import { upgradeSchema } from '../../src/stack/store/upgrade.ts';
import { testDatabase } from '../support/testDatabase.ts';

const BACKLOG = 20_000;

let callbacks: DatabaseCallbackStore;
let messages: DatabaseMessageStore;
let database: Awaited<ReturnType<typeof testDatabase>>;
let databases: Databases;

beforeAll(async () => {
  database = await testDatabase();
  const { engine, port, password } = database;
  const settings = { engine, host: '127.0.0.1', port, username: 'waba', password, prefix: 'index_' };
  databases = openDatabases(settings, silentLogger);
  await upgradeSchema(settings, databases, ['message'], silentLogger);
  callbacks = new DatabaseCallbackStore(databases);
  messages = new DatabaseMessageStore(databases);
});
afterAll(async () => {
  await databases?.close();
  await database?.close();
});

const add = (shard: number, index: number) =>
  messages.update({ callback: { shard, eventKey: `event-${shard}-${index}`, payload: { index } } });

describe('callbacks in a database', () => {
  it('are read from a long queue without sorting it, even if the database has no statistics of it', async () => {
    await Promise.all(Array.from({ length: BACKLOG }, (_, index) => add(0, index)));
    const plan = JSON.stringify(await callbacks.selectDue(0, 500, [1, 2, 3]).explain());
    expect(plan).toContain('callbacks_in_order');
    expect(plan).not.toMatch(/sort/i);
    expect(await callbacks.due(0, 500, [])).toHaveLength(500);
  });
});
