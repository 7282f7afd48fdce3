import type { Socket } from 'node:net';
import type { Dialect as KyselyDialect } from 'kysely';
import type { Logger } from '../../base/logger.ts';
import type { DatabaseSettings } from './databaseSettings.ts';
import type { Ask } from './serverFacts.ts';

/** Administration of the server, outside of any database of the stack. */
export interface AdminConnection {
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
export const CONNECTIONS = 4;
export const IDLE_MS = 60_000;
export const LONGEST_IDLE_MS = 2 ** 31 - 1;
export const CONNECT_TIMEOUT_MS = 5_000;
/** After this time without data the kernel asks whether the other side is still there. */
export const KEEP_ALIVE_AFTER_MS = 10_000;
/** The lock on the server that a client holds while it changes schemas. */
export const UPGRADE_LOCK = { number: 0x77616261, name: 'waba-schema', waitSeconds: 3600 } as const;

/** The types of both drivers lack it. */
export const socketOf = (connection: object): Socket => (connection as { stream: Socket }).stream;
