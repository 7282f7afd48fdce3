import { type Kysely, Migrator, sql } from 'kysely';
import { CodedError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import { compareVersions } from '../../onprem/clientVersion.ts';
import { DatabaseClusterStore, type UpgradeRecord } from './clusterStore.ts';
import type { DatabaseSettings } from './databaseSettings.ts';
import { DATABASE_NAMES, type DatabaseName, type Databases, databaseName } from './databases.ts';
import { migrationsOf } from './migrations.ts';
import { refuseOlderClient, schemaTooNew, type Upgrader } from './schemaTooNew.ts';
import { asAdmin } from './server.ts';

/**
 * Creates the databases that are missing and brings their schemas up to date. Safe to run by several nodes at
 * once: they take turns. While schemas change, the cluster's state is UPGRADE. It stays so after a crash, until the
 * next upgrade ends it. An upgrade counts from its beginning: nothing older may run on what it leaves behind.
 * @throws CodedError `SchemaFailed`, `SchemaTooNew`
 */
export async function upgradeSchema(
  settings: DatabaseSettings,
  databases: Databases,
  names: readonly DatabaseName[],
  logger: Logger,
  upgrader?: Upgrader,
): Promise<void> {
  await asAdmin(settings, async (admin) => {
    await admin.lock();
    const before = await refuseNewerSchema(databases, names, upgrader);
    const cluster = new DatabaseClusterStore(databases);
    const isNewer = upgrader !== undefined && compareVersions(upgrader.version, before?.version ?? '') > 0;
    // What is recorded never becomes older.
    const by: Upgrader | undefined =
      upgrader && names.includes('cluster')
        ? { ...upgrader, version: isNewer ? upgrader.version : (before?.version ?? upgrader.version) }
        : undefined;
    // On the first installation no node has to wait; databases without a record have no place for the state either.
    if (by && before?.upgrader && (isNewer || !(await isSchemaCurrent(databases, names))))
      await cluster.setUpgrade(true, by);
    for (const name of names) {
      const database = databaseName(settings, name);
      if (await admin.createDatabase(database)) logger.info('database created', { database });
      const { error, results } = await migratorOf(name, databases).migrateToLatest();
      for (const { migrationName, status } of results ?? [])
        logger.info('schema changed', { database, step: migrationName, status });
      if (error)
        throw new CodedError('SchemaFailed', `schema of ${database} could not be upgraded`, { cause: error });
    }
    if (!by) return;
    // Ends what this or an earlier upgrade began.
    const { isUnderWay, version } = await cluster.upgradeRecord();
    if (isUnderWay || version !== by.version) await cluster.setUpgrade(false, by);
  });
}

export const NODE_DATABASES: readonly DatabaseName[] = ['config', 'cluster', 'message'];
export const ALL_DATABASES = Object.keys(DATABASE_NAMES) as DatabaseName[];

/** Whether each database exists and has every step of its schema. */
export async function isSchemaCurrent(
  databases: Databases,
  names: readonly DatabaseName[],
): Promise<boolean> {
  try {
    for (const name of names) {
      const steps = await migratorOf(name, databases).getMigrations();
      if (steps.some(({ executedAt }) => executedAt === undefined)) return false;
    }
    return true;
  } catch {
    return false;
  }
}

/** The step since which databases hold the version that upgraded them, and the client of all that lack it. */
const UNRECORDED = { before: '002_who_upgrades', version: 'v2.57.1' } as const;

/**
 * Refuses databases that a newer client upgraded, and changes nothing. Databases without a record were made by v2.57.1.
 * @returns the last upgrade; undefined for new databases
 * @throws CodedError `SchemaTooNew`: the process has to end, because waiting does not help
 */
export async function refuseNewerSchema(
  databases: Databases,
  names: readonly DatabaseName[],
  client: Upgrader | undefined,
): Promise<UpgradeRecord | undefined> {
  for (const name of names) {
    const unknown = (await executedSteps(databases[name] as Kysely<unknown>)).filter(
      (step) => !(step in migrationsOf(name, databases.dialect)),
    );
    if (unknown.length > 0)
      throw schemaTooNew(
        `${DATABASE_NAMES[name]} has been upgraded by a newer client (${unknown.join(', ')}); run that client, or restore a backup from before the upgrade`,
      );
  }
  const record = await lastUpgrade(databases);
  refuseOlderClient(client, record);
  return record;
}

async function lastUpgrade(databases: Databases): Promise<UpgradeRecord | undefined> {
  const steps = await executedSteps(databases.cluster as Kysely<unknown>);
  if (steps.length > 0 && !steps.includes(UNRECORDED.before))
    return { isUnderWay: false, version: UNRECORDED.version, upgrader: undefined };
  return steps.length > 0 ? new DatabaseClusterStore(databases).upgradeRecord() : undefined;
}

const migratorOf = (name: DatabaseName, databases: Databases): Migrator =>
  new Migrator({
    db: databases[name] as Kysely<unknown>,
    provider: { getMigrations: async () => migrationsOf(name, databases.dialect) },
  });

/** What PostgreSQL and MySQL answer when a database, or a table, does not exist. */
const MISSING: readonly unknown[] = ['3D000', '42P01', 'ER_BAD_DB_ERROR', 'ER_NO_SUCH_TABLE'];

/** Names of the steps that a database has; none if it does not exist. */
async function executedSteps(database: Kysely<unknown>): Promise<string[]> {
  try {
    const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(database);
    return rows.map(({ name }) => name);
  } catch (error) {
    // No answer is not the answer that nothing is there.
    if (!MISSING.includes((error as { code?: unknown }).code)) throw error;
    return [];
  }
}
