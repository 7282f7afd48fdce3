import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { PostgresDialect } from 'kysely';
import pg from 'pg';
import type { DatabaseSettings } from './databaseSettings.ts';
import { postgresTls } from './databaseTls.ts';
import { isReadOnlyError } from './isReadOnlyError.ts';
import type { Ask } from './serverFacts.ts';
import {
  CONNECT_TIMEOUT_MS,
  CONNECTIONS,
  IDLE_MS,
  KEEP_ALIVE_AFTER_MS,
  type Server,
  socketOf,
  UPGRADE_LOCK,
} from './serverTypes.ts';
import { expectAnswers, expectNothing, watchSilence } from './silence.ts';

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

/** The types of the driver lack it. */
const connectionOf = (client: object) => (client as { connection: EventEmitter }).connection;
const pgSocketOf = (client: object): Socket => socketOf(connectionOf(client));

/** A connection to the primary of before a failover works, and would refuse each write for ever. */
function leaveReadOnlyServers(pool: pg.Pool): void {
  const left = new WeakSet<object>();
  pool.on('connect', (client) =>
    connectionOf(client).on('errorMessage', (error) => {
      if (isReadOnlyError(error)) left.add(client);
    }),
  );
  // The pool drops a client that has ended.
  pool.on('release', (_, client) => {
    if (left.has(client)) void client.end();
  });
}

export const postgresServer: Server = {
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
    leaveReadOnlyServers(pool);
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
