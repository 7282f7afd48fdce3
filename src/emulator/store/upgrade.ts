import { type Kysely, Migrator } from 'kysely';
import pg from 'pg';
import { CodedError } from '../../runtime/codedError.ts';
import type { Logger } from '../../runtime/logger.ts';
import {
  connectionConfig,
  DATABASE_NAMES,
  type DatabaseName,
  type DatabaseSettings,
  type Databases,
  databaseName,
} from './databases.ts';
import { migrationsOf } from './migrations.ts';

/** Holders of this advisory lock on the server change schemas; others wait. */
const UPGRADE_LOCK = 0x77616261;

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
  const admin = new pg.Client(connectionConfig(settings, 'postgres'));
  admin.on('error', () => {});
  await admin.connect();
  try {
    await admin.query('SELECT pg_advisory_lock($1)', [UPGRADE_LOCK]);
    for (const name of names) {
      const database = databaseName(settings, name);
      const { rowCount } = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
      if (rowCount === 0) {
        logger.info('creating database', { database });
        await admin.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`);
      }
      const migrator = new Migrator({
        db: databases[name] as Kysely<unknown>,
        provider: { getMigrations: async () => migrationsOf(name) },
      });
      const { error, results } = await migrator.migrateToLatest();
      for (const { migrationName, status } of results ?? [])
        logger.info('schema changed', { database, step: migrationName, status });
      if (error)
        throw new CodedError('SchemaFailed', `schema of ${database} could not be upgraded`, { cause: error });
    }
  } finally {
    await admin.end();
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
        provider: { getMigrations: async () => migrationsOf(name) },
      });
      if ((await migrator.getMigrations()).some(({ executedAt }) => executedAt === undefined)) return false;
    }
    return true;
  } catch {
    return false;
  }
}
