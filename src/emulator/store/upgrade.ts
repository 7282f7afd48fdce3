import { type Kysely, Migrator } from 'kysely';
import { CodedError } from '../../runtime/codedError.ts';
import type { Logger } from '../../runtime/logger.ts';
import {
  DATABASE_NAMES,
  type DatabaseName,
  type DatabaseSettings,
  type Databases,
  databaseName,
} from './databases.ts';
import { migrationsOf } from './migrations.ts';
import { servers } from './server.ts';

/**
 * Creates the databases that are missing and brings their schemas up to date. Safe to run by several nodes at
 * once: they take turns. @throws CodedError `SchemaFailed`
 */
export async function upgradeSchema(
  settings: DatabaseSettings,
  databases: Databases,
  names: readonly DatabaseName[],
  logger: Logger,
): Promise<void> {
  const admin = await servers[settings.engine].admin(settings);
  try {
    await admin.lock();
    for (const name of names) {
      const database = databaseName(settings, name);
      if (await admin.createDatabase(database)) logger.info('database created', { database });
      const migrator = new Migrator({
        db: databases[name] as Kysely<unknown>,
        provider: { getMigrations: async () => migrationsOf(name, databases.dialect) },
      });
      const { error, results } = await migrator.migrateToLatest();
      for (const { migrationName, status } of results ?? [])
        logger.info('schema changed', { database, step: migrationName, status });
      if (error)
        throw new CodedError('SchemaFailed', `schema of ${database} could not be upgraded`, { cause: error });
    }
  } finally {
    await admin.close();
  }
}

export const NODE_DATABASES: readonly DatabaseName[] = ['config', 'cluster', 'message'];
export const ALL_DATABASES = Object.keys(DATABASE_NAMES) as DatabaseName[];

/** Whether a database is there and has every step of its schema. */
export async function isSchemaCurrent(
  databases: Databases,
  names: readonly DatabaseName[],
): Promise<boolean> {
  try {
    for (const name of names) {
      const migrator = new Migrator({
        db: databases[name] as Kysely<unknown>,
        provider: { getMigrations: async () => migrationsOf(name, databases.dialect) },
      });
      if ((await migrator.getMigrations()).some(({ executedAt }) => executedAt === undefined)) return false;
    }
    return true;
  } catch {
    return false;
  }
}
