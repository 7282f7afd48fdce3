import { type Kysely, Migrator, sql } from 'kysely';
import { CodedError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import { compareVersions, mayRunOn } from '../../onprem/clientVersion.ts';
import { ClusterStore, type UpgradeRecord } from './clusterStore.ts';
import type { DatabaseSettings } from './databaseSettings.ts';
import { DATABASE_NAMES, type DatabaseName, type Databases, databaseName } from './databases.ts';
import { migrationsOf } from './migrations.ts';
import { servers } from './server.ts';

/** The client that upgrades: a node, or the process of the schema Job. Nodes that wait for it log its name. */
export interface Upgrader {
  readonly version: string;
  readonly name: string;
}

/**
 * Creates the databases that are missing and brings their schemas up to date. Safe to run by several nodes at
 * once: they take turns. While schemas change, the cluster's state is UPGRADE. It stays so after a crash, until the
 * next upgrade ends it. @throws CodedError `SchemaFailed`, `Downgrade`
 */
export async function upgradeSchema(
  settings: DatabaseSettings,
  databases: Databases,
  names: readonly DatabaseName[],
  logger: Logger,
  upgrader?: Upgrader,
): Promise<void> {
  const admin = await servers[settings.engine].admin(settings);
  try {
    await admin.lock();
    const before = await refuseDowngrade(databases, names, upgrader);
    const cluster = new ClusterStore(databases);
    const by = names.includes('cluster') ? upgrader : undefined;
    const isNewer = by !== undefined && compareVersions(by.version, before?.version ?? '') > 0;
    // On the first installation no node has to wait.
    if (by && before && (isNewer || !(await isSchemaCurrent(databases, names))))
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
    // Ends what this or an earlier upgrade began.
    if (by && (isNewer || (await cluster.upgradeRecord()).isUnderWay))
      await cluster.setUpgrade(false, {
        ...by,
        version: isNewer ? by.version : (before?.version ?? by.version),
      });
  } finally {
    await admin.close();
  }
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

/**
 * Refuses databases that a newer client upgraded. @returns the last upgrade; undefined for new databases
 * @throws CodedError `Downgrade`
 */
export async function refuseDowngrade(
  databases: Databases,
  names: readonly DatabaseName[],
  client: Upgrader | undefined,
): Promise<UpgradeRecord | undefined> {
  for (const name of names) {
    const unknown = (await executedSteps(databases[name] as Kysely<unknown>)).filter(
      (step) => !(step in migrationsOf(name, databases.dialect)),
    );
    if (unknown.length > 0)
      throw new CodedError(
        'Downgrade',
        `${DATABASE_NAMES[name]} has been upgraded by a newer client (${unknown.join(', ')}); restore the backup made before that, or run that client`,
      );
  }
  const record = await new ClusterStore(databases).upgradeRecord().catch(() => undefined);
  if (client && record?.version && !mayRunOn(client.version, record.version))
    throw new CodedError(
      'Downgrade',
      `the databases were upgraded by ${record.version}; ${client.version} is older and does not run on them`,
    );
  return record;
}

const migratorOf = (name: DatabaseName, databases: Databases): Migrator =>
  new Migrator({
    db: databases[name] as Kysely<unknown>,
    provider: { getMigrations: async () => migrationsOf(name, databases.dialect) },
  });

/** Names of the steps that a database has; none if it does not exist. */
async function executedSteps(database: Kysely<unknown>): Promise<string[]> {
  const rows = await sql<{ name: string }>`select name from kysely_migration`
    .execute(database)
    .catch(() => undefined);
  return rows?.rows.map(({ name }) => name) ?? [];
}
