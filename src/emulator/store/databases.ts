import { readFileSync } from 'node:fs';
import { Kysely } from 'kysely';
import type { StackEnvironment } from '../../onprem/environment.ts';
import type { Logger } from '../../runtime/logger.ts';
import { type Dialect, dialects, type Engine } from './dialect.ts';
import { servers } from './server.ts';
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
  readonly dialect: Dialect;
  readonly config: Kysely<ConfigTables>;
  readonly cluster: Kysely<ClusterTables>;
  readonly message: Kysely<MessageTables>;
  readonly web: Kysely<WebTables>;
  close(): Promise<void>;
}

export interface DatabaseSettings {
  readonly engine: Engine;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly prefix: string;
  /** PEM of the CA that signed the server's certificate; without it the connection is plain. */
  readonly ca?: string;
}

const DEFAULT_PORTS: Readonly<Record<Engine, number>> = { PGSQL: 5432, MYSQL: 3306 };

export function databaseSettings(environment: StackEnvironment): DatabaseSettings {
  const engine = environment.WA_DB_ENGINE;
  return {
    engine,
    host: environment.WA_DB_HOSTNAME,
    port: environment.WA_DB_PORT ?? DEFAULT_PORTS[engine],
    username: environment.WA_DB_USERNAME,
    password: environment.WA_DB_PASSWORD,
    prefix: environment.WA_DB_NAME_PREFIX,
    ...(environment.WA_DB_SSL_CA ? { ca: readFileSync(environment.WA_DB_SSL_CA, 'utf8') } : {}),
  };
}

export const databaseName = (settings: DatabaseSettings, name: DatabaseName): string =>
  `${settings.prefix}${DATABASE_NAMES[name]}`;

/** Pools to the four databases. They connect when first used, and again after the server was away. */
export function openDatabases(settings: DatabaseSettings, logger: Logger): Databases {
  const { engine } = settings;
  const open = <T>(name: DatabaseName): Kysely<T> =>
    new Kysely<T>({ dialect: servers[engine].pool(settings, databaseName(settings, name), logger) });
  const databases = {
    config: open<ConfigTables>('config'),
    cluster: open<ClusterTables>('cluster'),
    message: open<MessageTables>('message'),
    web: open<WebTables>('web'),
  };
  return {
    ...databases,
    dialect: dialects[engine],
    close: async () =>
      void (await Promise.all(Object.values(databases).map((database) => database.destroy()))),
  };
}
