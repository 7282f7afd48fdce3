import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { type Databases, openDatabases } from '../../src/stack/store/databases.ts';
import { DatabaseWebStore } from '../../src/stack/store/databaseWebStore.ts';
import { upgradeSchema } from '../../src/stack/store/upgrade.ts';
import { testDatabase } from '../support/testDatabase.ts';

let database: Awaited<ReturnType<typeof testDatabase>>;
let databases: Databases;
beforeAll(async () => {
  database = await testDatabase();
  const { engine, port, password } = database;
  const settings = { engine, host: '127.0.0.1', port, username: 'waba', password, prefix: 'tokens_' };
  databases = openDatabases(settings, silentLogger);
  await upgradeSchema(settings, databases, ['web'], silentLogger);
});
afterAll(async () => {
  await databases?.close();
  await database?.close();
});

describe('tokens', () => {
  it('are deleted when they have expired', async () => {
    const store = new DatabaseWebStore(databases);
    await store.createUser('agent', 'Passw0rd!-test');
    const count = async () => (await databases.web.selectFrom('tokens').select('hash').execute()).length;
    const now = Date.now();
    for (let index = 0; index < 99; index++) await store.storeToken(`old ${index}`, 'agent', now - 60_000);
    await store.storeToken('good', 'agent', now + 60_000);
    expect(await count()).toBe(100);
    await store.storeToken('next', 'agent', now + 60_000);
    expect(await count()).toBe(2);
    expect(await store.tokenOwner('good')).toMatchObject({ username: 'agent' });
  });
});
