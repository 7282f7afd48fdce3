import { type Kysely, Migrator, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { runCoreapp } from '../../src/stack/stackRoles.ts';
import { DatabaseClusterStore } from '../../src/stack/store/clusterStore.ts';
import {
  type DatabaseName,
  type Databases,
  databaseName,
  openDatabases,
} from '../../src/stack/store/databases.ts';
import { migrationsOf } from '../../src/stack/store/migrations.ts';
import { servers } from '../../src/stack/store/server.ts';
import { ALL_DATABASES, isSchemaCurrent, upgradeSchema } from '../../src/stack/store/upgrade.ts';
import { testDatabase } from '../support/testDatabase.ts';

let database: Awaited<ReturnType<typeof testDatabase>>;
const opened: Databases[] = [];
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(async () => {
  for (const databases of opened) await databases.close();
  await database?.close();
});

function open(prefix: string) {
  const { engine, port, password } = database;
  const settings = { engine, host: '127.0.0.1', port, username: 'waba', password, prefix };
  const databases = openDatabases(settings, silentLogger);
  opened.push(databases);
  return { settings, databases };
}

/** Tables and columns, as the server reports them. */
async function shapeOf(
  { databases, settings }: ReturnType<typeof open>,
  name: DatabaseName,
): Promise<string[]> {
  const schema = settings.engine === 'MYSQL' ? databaseName(settings, name) : 'public';
  const { rows } = await sql<{ shape: string }>`
    select concat(table_name, '.', column_name, ' ', data_type) as shape
    from information_schema.columns where table_schema = ${schema}`.execute(
    databases[name] as Kysely<unknown>,
  );
  return rows.map(({ shape }) => shape).sort();
}

const STEPS = ALL_DATABASES.flatMap((name) =>
  Object.keys(migrationsOf(name, { types: {} } as never)).map((step) => [name, step] as const),
);

describe('the schema', () => {
  it.each(STEPS)('of %s is upgraded from step %s', async (name, step) => {
    const fresh = open(`fresh_${name}_${step}_`);
    await upgradeSchema(fresh.settings, fresh.databases, [name], silentLogger);
    const old = open(`old_${name}_${step}_`);
    const admin = await servers[database.engine].admin(old.settings);
    await admin.createDatabase(databaseName(old.settings, name));
    await admin.close();
    const migrator = new Migrator({
      db: old.databases[name] as Kysely<unknown>,
      provider: { getMigrations: async () => migrationsOf(name, old.databases.dialect) },
    });
    expect((await migrator.migrateTo(step)).error).toBeUndefined();
    await upgradeSchema(old.settings, old.databases, [name], silentLogger);
    expect(await isSchemaCurrent(old.databases, [name])).toBe(true);
    const shape = await shapeOf(old, name);
    expect(shape.length).toBeGreaterThan(3);
    expect(shape).toEqual(await shapeOf(fresh, name));
  });

  it('is created once, even if several nodes start at the same time', async () => {
    const nodes = Array.from({ length: 4 }, () => open('race_'));
    await Promise.all(
      nodes.map(({ settings, databases }) => upgradeSchema(settings, databases, ALL_DATABASES, silentLogger)),
    );
    for (const { databases } of nodes) expect(await isSchemaCurrent(databases, ALL_DATABASES)).toBe(true);
  });
});

describe('the schema of a version', () => {
  const versioned = (prefix: string) => {
    const { settings, databases } = open(prefix);
    const cluster = new DatabaseClusterStore(databases);
    return {
      settings,
      databases,
      recorded: async () => (await cluster.upgradeRecord()).version,
      /** What the container of the schema Job does, or with other variables that of a node. */
      job: (version: string, more: Record<string, string> = { WA_DB_UPGRADE: '1' }) =>
        runCoreapp(
          {
            env: {
              WA_DB_ENGINE: settings.engine,
              WA_DB_HOSTNAME: settings.host,
              WA_DB_PORT: String(settings.port),
              WA_DB_USERNAME: settings.username,
              WA_DB_PASSWORD: settings.password,
              WA_DB_NAME_PREFIX: prefix,
              ...more,
              WABA_CLIENT_VERSION: version,
              HOSTNAME: `job-${version}`,
            },
            clock: systemClock,
            logger: silentLogger,
          },
          new AbortController().signal,
        ),
      cluster,
    };
  };
  const TOO_NEW = {
    code: 'SchemaTooNew',
    message:
      'the database has the schema of v2.59; this client is v2.57.1; run v2.59 or later, or restore a backup from before the upgrade',
  };

  it('is recorded by the Job, and never becomes older', async () => {
    const { job, recorded } = versioned('job_');
    await job('v2.57.1');
    expect(await recorded()).toBe('v2.57.1');
    await job('v2.59.2');
    expect(await recorded()).toBe('v2.59.2');
    // A patch of the same minor version knows the schema.
    await job('v2.59.0');
    expect(await recorded()).toBe('v2.59.2');
  });

  it('is refused by the Job of an older minor version, which changes nothing', async () => {
    const stack = versioned('refusing_');
    await stack.job('v2.59.2');
    const shapes = () => Promise.all(ALL_DATABASES.map((name) => shapeOf(stack, name)));
    const before = [await shapes(), await stack.cluster.upgradeRecord()];
    await expect(stack.job('v2.57.1')).rejects.toMatchObject(TOO_NEW);
    expect([await shapes(), await stack.cluster.upgradeRecord()]).toEqual(before);
  });

  it.each([
    ['Coreapp', { WA_APP_MULTICONNECT: '1', WA_TCP_LISTEN_ADDRESS: '127.61.0.1' }],
    ['Master', { WA_APP_MULTICONNECT: '1', WA_MASTER_NODE: '1', WA_TCP_LISTEN_ADDRESS: '127.61.0.2' }],
    ['single instance', { WA_TCP_LISTEN_ADDRESS: '127.61.0.3' }],
  ])('ends a %s of an older minor version', async (role, variables) => {
    const { job, cluster } = versioned(`node_${role.slice(0, 3).toLowerCase()}_`);
    await job('v2.59.2');
    const node = { WA_CONFIG_ON_DB: '1', WABA_NETWORK_URL: 'tcp://127.0.0.1:1', ...variables };
    await expect(job('v2.57.1', node)).rejects.toMatchObject(TOO_NEW);
    expect(await cluster.nodes()).toEqual([]);
  });

  it('counts from the beginning of an upgrade, also if that never ended', async () => {
    const { job, cluster, recorded } = versioned('begun_');
    await job('v2.57.1');
    await cluster.setUpgrade(true, { version: 'v2.59.0', name: 'killed' });
    await expect(job('v2.57.1')).rejects.toMatchObject(TOO_NEW);
    expect(await cluster.upgradeRecord()).toMatchObject({ isUnderWay: true, upgrader: 'killed' });
    await job('v2.59.0');
    expect(await cluster.upgradeRecord()).toMatchObject({ isUnderWay: false, version: 'v2.59.0' });
    expect(await recorded()).toBe('v2.59.0');
  });

  it('is that of v2.57 on databases from before versions were recorded', async () => {
    const { job, settings, databases, recorded } = versioned('unrecorded_');
    const admin = await servers[database.engine].admin(settings);
    await admin.createDatabase(databaseName(settings, 'cluster'));
    await admin.close();
    const migrator = new Migrator({
      db: databases.cluster as Kysely<unknown>,
      provider: { getMigrations: async () => migrationsOf('cluster', databases.dialect) },
    });
    expect((await migrator.migrateTo('001_initial')).error).toBeUndefined();
    await expect(job('v2.55.9')).rejects.toMatchObject({
      code: 'SchemaTooNew',
      message: expect.stringContaining('the database has the schema of v2.57; this client is v2.55.9'),
    });
    await job('v2.57.0');
    expect(await recorded()).toBe('v2.57.1');
    await job('v2.59.0');
    expect(await recorded()).toBe('v2.59.0');
  });

  it('is unknown, not missing, while the database does not answer', async () => {
    const { job, settings, recorded } = versioned('silent_');
    await job('v2.59.0');
    const gone = openDatabases({ ...settings, port: 1 }, silentLogger);
    opened.push(gone);
    const upgrader = { version: 'v2.57.1', name: 'old' };
    await expect(upgradeSchema(settings, gone, ALL_DATABASES, silentLogger, upgrader)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
    expect(await recorded()).toBe('v2.59.0');
  });
});
