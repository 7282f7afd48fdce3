import { join } from 'node:path';
import { freePort } from '../base/ports.ts';
import { startPostgres } from '../base/postgres/embeddedPostgres.ts';
import type { LaptopStores, LaptopStoresOptions } from './laptopStores.ts';
import type { DatabaseSettings } from './store/databaseSettings.ts';
import { openDatabases } from './store/databases.ts';
import { databaseStores } from './store/stores.ts';
import { ALL_DATABASES, upgradeSchema } from './store/upgrade.ts';

const HOST = '127.0.0.1';
const DATABASE_USER = 'waba';

/** Stores on a database server, or in a PostgreSQL that is started for them. */
export async function openServerStores(
  options: LaptopStoresOptions & { readonly database: 'embedded' | DatabaseSettings },
  signal: AbortSignal,
): Promise<LaptopStores> {
  const { database, folder, password, upgrader, clock, time, logger } = options;
  const server = { host: HOST, port: await freePort(), username: DATABASE_USER, password };
  const postgres =
    database === 'embedded'
      ? await startPostgres({ ...server, dataFolder: join(folder, 'postgres'), clock }, signal)
      : undefined;
  const settings: DatabaseSettings =
    database === 'embedded' ? { ...server, engine: 'PGSQL', prefix: '' } : database;
  const databases = openDatabases(settings, logger);
  const close = async () => {
    await databases.close();
    await postgres?.stop();
  };
  try {
    await upgradeSchema(settings, databases, ALL_DATABASES, logger, upgrader);
    const open = databaseStores(databases);
    return { open, stores: open(time), close };
  } catch (error) {
    await close();
    throw error;
  }
}
