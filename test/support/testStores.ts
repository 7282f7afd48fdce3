import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { MovableClock } from '../../src/base/movableClock.ts';
import { openDatabases } from '../../src/stack/store/databases.ts';
import { openMemoryStores } from '../../src/stack/store/memory/memoryStores.ts';
import { databaseStores, type Stores } from '../../src/stack/store/stores.ts';
import { ALL_DATABASES, upgradeSchema } from '../../src/stack/store/upgrade.ts';
import { testDatabase } from './testDatabase.ts';

/** The stores of this test project: in PostgreSQL, MariaDB or memory. */
export async function testStores(
  prefix: string,
): Promise<{ readonly stores: Stores; readonly time: MovableClock; close(): Promise<void> }> {
  const time = new MovableClock(systemClock);
  const database = await testDatabase();
  if (database.isMemory) {
    const { stores, close } = await openMemoryStores({ clock: systemClock, time, logger: silentLogger });
    return { stores, time, close };
  }
  const { engine, port, password } = database;
  const settings = { engine, host: '127.0.0.1', port, username: 'waba', password, prefix };
  const databases = openDatabases(settings, silentLogger);
  await upgradeSchema(settings, databases, ALL_DATABASES, silentLogger);
  const close = async () => {
    await databases.close();
    await database.close();
  };
  return { stores: databaseStores(databases)(time), time, close };
}
