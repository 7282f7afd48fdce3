import { MysqlDialect, type MysqlPool, type MysqlPoolConnection, type MysqlQueryResult } from 'kysely';
import { createConnection, createPool, type Pool, type PoolConnection, type PoolOptions } from 'mysql2';
import type { DatabaseSettings } from './databaseSettings.ts';
import { mysqlTls } from './databaseTls.ts';
import { isReadOnlyError } from './isReadOnlyError.ts';
import type { Ask } from './serverFacts.ts';
import {
  CONNECT_TIMEOUT_MS,
  CONNECTIONS,
  IDLE_MS,
  KEEP_ALIVE_AFTER_MS,
  LONGEST_IDLE_MS,
  type Server,
  socketOf,
  UPGRADE_LOCK,
} from './serverTypes.ts';
import { expectAnswers, expectNothing, watchSilence } from './silence.ts';

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

/** A connection to the primary of before a failover works, and would refuse each write for ever: it is closed then. */
function leavingReadOnlyServer(connection: PoolConnection): MysqlPoolConnection {
  let isReadOnly = false;
  const query = (sql: string, parameters: unknown[], done?: Parameters<MysqlPoolConnection['query']>[2]) =>
    connection.query(sql, parameters, (error, result) => {
      isReadOnly ||= isReadOnlyError(error);
      done?.(error, result as MysqlQueryResult);
    });
  return { query, release: () => (isReadOnly ? connection.destroy() : connection.release()) };
}

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
          () => done(null, leavingReadOnlyServer(connection)),
          (problem: unknown) => {
            connection.destroy();
            done(problem, connection);
          },
        );
      }),
    end: (done) => pool.end(done),
  };
}

export const mysqlServer: Server = {
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
