import { Kysely, sql } from 'kysely';
import { CodedError } from '../base/codedError.ts';
import type { Logger } from '../base/logger.ts';
import { parseEnvironment } from './parseEnvironment.ts';
import { type DatabaseSettings, databaseSettings } from './store/databaseSettings.ts';
import type { Server } from './store/serverTypes.ts';

type Rows = Record<string, number>;
type Open = Kysely<Record<string, Record<string, unknown>>>;

/** Databases that a server has for itself; a connection for administration starts there. */
const ADMIN = { PGSQL: 'postgres', MYSQL: 'information_schema' } as const;

/**
 * The server of the stack whose variables these are, for backups.
 * @throws CodedError `BadEnvironment`
 */
export async function openBackupServer(env: NodeJS.ProcessEnv, logger: Logger) {
  const settings: DatabaseSettings = {
    ...databaseSettings(parseEnvironment(env), 'node'),
    connections: 1,
    idleMs: 0,
    // A count of a large table takes its time.
    silentMs: SILENT_MS,
  };
  const { engine, prefix } = settings;
  const server = await load[engine]();
  const open = (database: string): Open => new Kysely({ dialect: server.pool(settings, database, logger) });
  const admin = open(ADMIN[engine]);
  const on = async <T>(database: string, work: (open: Open) => Promise<T>): Promise<T> => {
    const connection = open(database);
    try {
      return await reached(() => work(connection));
    } finally {
      await connection.destroy();
    }
  };
  return {
    engine,
    prefix,
    tls: settings.tls?.mode ?? 'prefer',
    version: () => reached(() => text(admin, sql`SELECT version() AS value`)),
    databases: () => reached(() => texts(admin, DATABASES[engine])),
    snapshot: (database: string) =>
      engine === 'PGSQL' ? snapshot(open(database)) : Promise.resolve(undefined),
    rows: (database: string) => on(database, (connection) => countRows(connection, engine)),
    create: async (database: string) => {
      const connection = await reached(() => server.admin(settings));
      try {
        await connection.createDatabase(database);
      } finally {
        await connection.close();
      }
    },
    drop: async (database: string) => {
      const name = sql.id(database);
      await reached(() =>
        (engine === 'PGSQL'
          ? sql`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`
          : sql`DROP DATABASE IF EXISTS ${name}`
        ).execute(admin),
      );
    },
    close: () => admin.destroy(),
  };
}

/** One driver is loaded: the other one takes as much memory. */
const load: Readonly<Record<'PGSQL' | 'MYSQL', () => Promise<Server>>> = {
  PGSQL: async () => (await import('./store/postgresServer.ts')).postgresServer,
  MYSQL: async () => (await import('./store/mysqlServer.ts')).mysqlServer,
};

const SILENT_MS = 24 * 3_600_000;

const DATABASES = {
  PGSQL: sql`SELECT datname AS value FROM pg_database WHERE NOT datistemplate AND datallowconn ORDER BY 1`,
  MYSQL: sql`SELECT schema_name AS value FROM information_schema.schemata ORDER BY 1`,
} as const;

const TABLES = {
  PGSQL: sql`SELECT format('%I.%I', schemaname, tablename) AS value FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  MYSQL: sql`SELECT table_name AS value FROM information_schema.tables
    WHERE table_schema = database() AND table_type = 'BASE TABLE' ORDER BY 1`,
} as const;

/** A read-only moment of a PostgreSQL database that pg_dump can take over. */
async function snapshot(connection: Open) {
  try {
    const held = await reached(() =>
      connection.startTransaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(),
    );
    // It waits while the tool works, longer than a server may allow.
    await reached(() => sql`SET idle_in_transaction_session_timeout = 0`.execute(held));
    const id = await reached(() => text(held, sql`SELECT pg_export_snapshot() AS value`));
    return {
      id,
      rows: () => reached(() => countRows(held, 'PGSQL')),
      close: async () => {
        // A connection that broke has ended its transaction.
        await held
          .rollback()
          .execute()
          .catch(() => {});
        await connection.destroy();
      },
    };
  } catch (error) {
    await connection.destroy();
    throw error;
  }
}

async function countRows(connection: Open, engine: 'PGSQL' | 'MYSQL'): Promise<Rows> {
  const rows: Rows = {};
  for (const table of await texts(connection, TABLES[engine])) {
    // PostgreSQL quoted it, with its schema.
    const name = engine === 'PGSQL' ? sql.raw(table) : sql.id(table);
    rows[table] = Number(await text(connection, sql`SELECT count(*) AS value FROM ${name}`));
  }
  return rows;
}

type Query = ReturnType<typeof sql>;

async function texts(connection: Open, query: Query): Promise<string[]> {
  const { rows } = await query.execute(connection);
  return (rows as { value: unknown }[]).map(({ value }) => String(value));
}

const text = async (connection: Open, query: Query): Promise<string> =>
  (await texts(connection, query))[0] ?? '';

async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new CodedError(
      'DatabaseUnreachable',
      'the database server refuses the user or does not answer; check WA_DB_HOSTNAME, the user and its rights',
      { cause, retriable: true },
    );
  }
}
