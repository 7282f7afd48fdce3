import { type Kysely, Migrator, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
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
