import type { Socket } from 'node:net';
import { type Dialect as KyselyDialect, MysqlDialect, type MysqlPool, PostgresDialect } from 'kysely';
import { createConnection, createPool, type Pool, type PoolConnection, type PoolOptions } from 'mysql2';
import pg from 'pg';
import type { Logger } from '../../base/logger.ts';
import type { DatabaseSettings } from './databaseSettings.ts';
import { mysqlTls, postgresTls } from './databaseTls.ts';
import type { Engine } from './dialect.ts';
import type { Ask } from './serverFacts.ts';
import { expectAnswers, expectNothing, watchSilence } from './silence.ts';

/** Administration of the server, outside of any database of the stack. */
interface AdminConnection {
  /** Only one client changes schemas at a time. Closing the connection releases the lock. */
  lock(): Promise<void>;
  /** @returns whether it was missing */
  createDatabase(name: string): Promise<boolean>;
  readonly ask: Ask;
  /** How the connection is encrypted; empty if it is not. */
  cipher(): Promise<string>;
  close(): Promise<void>;
}

/** How to talk to a database server. */
export interface Server {
  pool(settings: DatabaseSettings, database: string, logger: Logger): KyselyDialect;
  /** Connects, or fails within a few seconds. */
  admin(settings: DatabaseSettings): Promise<AdminConnection>;
}

/** Connections that a process keeps to each of its databases, at most. */
const CONNECTIONS = 4;
const IDLE_MS = 60_000;
const LONGEST_IDLE_MS = 2 ** 31 - 1;
const CONNECT_TIMEOUT_MS = 5_000;
/** After this time without data the kernel asks whether the other side is still there. */
const KEEP_ALIVE_AFTER_MS = 10_000;
/** The lock on the server that a client holds while it changes schemas. */
const UPGRADE_LOCK = { number: 0x77616261, name: 'waba-schema', waitSeconds: 3600 } as const;

const postgresConfig = (settings: DatabaseSettings, database: string): pg.ClientConfig => ({
  host: settings.host,
  port: settings.port,
  user: settings.username,
  password: settings.password,
  database,
  connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  keepAlive: true,
  keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
  ...(settings.tls ? { ssl: postgresTls(settings.tls, settings.host) } : {}),
});

/** The types of both drivers lack it. */
const socketOf = (connection: object): Socket => (connection as { stream: Socket }).stream;
const pgSocketOf = (client: object): Socket => socketOf((client as { connection: object }).connection);

const postgres: Server = {
  pool(settings, database, logger) {
    // int8 columns here are counters and times far below 2^53.
    pg.types.setTypeParser(pg.types.builtins.INT8, Number);
    const pool = new pg.Pool({
      ...postgresConfig(settings, database),
      max: settings.connections ?? CONNECTIONS,
      idleTimeoutMillis: settings.idleMs ?? IDLE_MS,
      // Not kysely's onCreateConnection: when that fails, the connection never returns to the pool.
      // Queues are read in the order of an index. A table that was empty a moment ago has no statistics, and without
      // them PostgreSQL would gather and sort the whole backlog for each read.
      onConnect: async (client) => {
        watchSilence(pgSocketOf(client), settings.silentMs);
        await client.query('SET enable_bitmapscan = off');
      },
    });
    pool.on('acquire', (client) => expectAnswers(pgSocketOf(client), settings.silentMs));
    pool.on('release', (_, client) => expectNothing(pgSocketOf(client)));
    // A connection that breaks would otherwise end the process: the pool hears of idle ones, and a query gets the error
    // of one in use, but that connection reports it as well.
    pool.on('error', (error) => logger.debug('database connection lost', { database, error }));
    pool.on('connect', (client) => client.on('error', () => {}));
    return new PostgresDialect({ pool });
  },
  async admin(settings) {
    const client = new pg.Client(postgresConfig(settings, 'postgres'));
    client.on('error', () => {});
    await client.connect();
    return {
      lock: async () => void (await client.query('SELECT pg_advisory_lock($1)', [UPGRADE_LOCK.number])),
      createDatabase: async (name) => {
        const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
        if (rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
        return rowCount === 0;
      },
      ask: async (sql) => (await client.query(sql)).rows as Awaited<ReturnType<Ask>>,
      cipher: async () => {
        const { rows } = await client.query('SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
        return (rows[0] as { cipher: string | null } | undefined)?.cipher ?? '';
      },
      close: () => client.end(),
    };
  },
};

const mysqlConfig = (settings: DatabaseSettings): PoolOptions => ({
  host: settings.host,
  port: settings.port,
  user: settings.username,
  password: settings.password,
  connectTimeout: CONNECT_TIMEOUT_MS,
  keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
  // Ids differ in case only.
  charset: 'utf8mb4_bin',
  timezone: 'Z',
  ...(settings.tls ? { ssl: mysqlTls(settings.tls, settings.host) } : {}),
});

/** Zone and isolation: nodes write concurrently, and need no gap locks. */
const MYSQL_SESSION = [
  "SET SESSION time_zone = '+00:00'",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
] as const;

/** Not kysely's onCreateConnection: when that fails, the connection never returns to the pool. */
function preparing(pool: Pool): MysqlPool {
  const prepared = new WeakSet<PoolConnection>();
  const prepare = async (connection: PoolConnection) => {
    if (prepared.has(connection)) return;
    for (const statement of MYSQL_SESSION) await connection.promise().query(statement);
    prepared.add(connection);
  };
  return {
    getConnection: (done) =>
      pool.getConnection((error, connection) => {
        if (error) return done(error, connection);
        prepare(connection).then(
          () => done(null, connection),
          (problem: unknown) => {
            connection.destroy();
            done(problem, connection);
          },
        );
      }),
    end: (done) => pool.end(done),
  };
}

const mysql: Server = {
  pool(settings, database, logger) {
    const pool = createPool({
      ...mysqlConfig(settings),
      database,
      connectionLimit: settings.connections ?? CONNECTIONS,
      // The driver has no value for never.
      idleTimeout: settings.idleMs === 0 ? LONGEST_IDLE_MS : (settings.idleMs ?? IDLE_MS),
      typeCast: (field, next) =>
        field.type === 'TINY' && field.length === 1 ? field.string() === '1' : next(),
    });
    // The pool removes its own listener with the first error of a connection; a second one would end the process.
    pool.on('connection', (connection) => {
      connection.on('error', (error) => logger.debug('database connection lost', { database, error }));
      watchSilence(socketOf(connection), settings.silentMs);
    });
    pool.on('acquire', (connection) => expectAnswers(socketOf(connection), settings.silentMs));
    pool.on('release', (connection) => expectNothing(socketOf(connection)));
    return new MysqlDialect({ pool: preparing(pool) });
  },
  async admin(settings) {
    const connection = createConnection(mysqlConfig(settings)).promise();
    await connection.connect();
    connection.on('error', () => {});
    return {
      lock: async () =>
        void (await connection.query('SELECT GET_LOCK(?, ?)', [UPGRADE_LOCK.name, UPGRADE_LOCK.waitSeconds])),
      createDatabase: async (name) => {
        const [rows] = await connection.query(
          'SELECT 1 FROM information_schema.schemata WHERE schema_name = ?',
          [name],
        );
        const isMissing = (rows as unknown[]).length === 0;
        if (isMissing)
          await connection.query(
            `CREATE DATABASE IF NOT EXISTS ${connection.escapeId(name)} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
          );
        return isMissing;
      },
      ask: async (sql) => (await connection.query(sql))[0] as unknown as Awaited<ReturnType<Ask>>,
      cipher: async () => {
        const [rows] = await connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
        return (rows as { Value: string }[])[0]?.Value ?? '';
      },
      close: () => connection.end(),
    };
  },
};

export const servers: Readonly<Record<Engine, Server>> = { PGSQL: postgres, MYSQL: mysql };
