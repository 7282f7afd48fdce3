import { readFileSync } from 'node:fs';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { StackEnvironment } from '../../onprem/environment.ts';
import { CodedError } from '../../runtime/codedError.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { ClusterTables, ConfigTables, MessageTables, WebTables } from './tables.ts';

/** The vendor's databases, each behind the stack's name prefix. */
export const DATABASE_NAMES = {
  config: 'configStore',
  cluster: 'clusterStore',
  message: 'messageStore',
  web: 'waweb',
} as const;
export type DatabaseName = keyof typeof DATABASE_NAMES;

export interface Databases {
  readonly config: Kysely<ConfigTables>;
  readonly cluster: Kysely<ClusterTables>;
  readonly message: Kysely<MessageTables>;
  readonly web: Kysely<WebTables>;
  close(): Promise<void>;
}

export interface DatabaseSettings {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly prefix: string;
  /** PEM of the CA that signed the server's certificate; without it the connection is plain. */
  readonly ca?: string;
}

/** Connections a process keeps to each of its databases, at most. */
const POOL = { max: 4, idleTimeoutMillis: 60_000, connectionTimeoutMillis: 5_000 } as const;

/** @throws CodedError `UnsupportedEngine` */
export function databaseSettings(environment: StackEnvironment): DatabaseSettings {
  if (environment.WA_DB_ENGINE !== 'PGSQL') {
    throw new CodedError(
      'UnsupportedEngine',
      'WA_DB_ENGINE=MYSQL is not supported by this emulator yet; use PGSQL',
    );
  }
  return {
    host: environment.WA_DB_HOSTNAME,
    port: environment.WA_DB_PORT ?? 5432,
    username: environment.WA_DB_USERNAME,
    password: environment.WA_DB_PASSWORD,
    prefix: environment.WA_DB_NAME_PREFIX,
    ...(environment.WA_DB_SSL_CA ? { ca: readFileSync(environment.WA_DB_SSL_CA, 'utf8') } : {}),
  };
}

export const databaseName = (settings: DatabaseSettings, name: DatabaseName): string =>
  `${settings.prefix}${DATABASE_NAMES[name]}`;

export function connectionConfig(settings: DatabaseSettings, database: string): pg.ClientConfig {
  return {
    host: settings.host,
    port: settings.port,
    user: settings.username,
    password: settings.password,
    database,
    ...(settings.ca ? { ssl: { ca: settings.ca } } : {}),
  };
}

/** Pools to the four databases. They connect when first used, and again after the server was away. */
export function openDatabases(settings: DatabaseSettings, logger: Logger): Databases {
  // int8 columns here are counters and times far below 2^53.
  pg.types.setTypeParser(pg.types.builtins.INT8, Number);
  const open = <T>(name: DatabaseName): Kysely<T> => {
    const pool = new pg.Pool({ ...connectionConfig(settings, databaseName(settings, name)), ...POOL });
    // An idle connection that breaks would otherwise end the process.
    pool.on('error', (error) => logger.debug('database connection lost', { database: name, error }));
    return new Kysely<T>({ dialect: new PostgresDialect({ pool }) });
  };
  const databases = {
    config: open<ConfigTables>('config'),
    cluster: open<ClusterTables>('cluster'),
    message: open<MessageTables>('message'),
    web: open<WebTables>('web'),
  };
  return {
    ...databases,
    close: async () =>
      void (await Promise.all(Object.values(databases).map((database) => database.destroy()))),
  };
}
