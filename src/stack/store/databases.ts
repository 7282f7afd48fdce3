import { Kysely } from 'kysely';
import type { Logger } from '../../base/logger.ts';
import type { DatabaseSettings } from './databaseSettings.ts';
import { type Dialect, dialects } from './dialect.ts';
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

export const databaseName = (settings: DatabaseSettings, name: DatabaseName): string =>
  `${settings.prefix}${DATABASE_NAMES[name]}`;

/** Pools to the four databases. They connect when first used, and reconnect after the server was away. */
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
