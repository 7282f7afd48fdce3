import { readFileSync } from 'node:fs';
import type { StackEnvironment } from '../../onprem/environment.ts';
import { type DatabaseTls, databaseTls } from './databaseTls.ts';
import type { Engine } from './dialect.ts';

export interface DatabaseSettings {
  readonly engine: Engine;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly prefix: string;
  /** Without it the connection is not encrypted. */
  readonly tls?: DatabaseTls | undefined;
  /** To each database, at most. */
  readonly connections?: number | undefined;
  /** Idle connections are closed after this time; 0: never. */
  readonly idleMs?: number | undefined;
  /** A connection in use that is silent for so long counts as lost; a minute unless given. */
  readonly silentMs?: number | undefined;
}

const DEFAULT_PORTS: Readonly<Record<Engine, number>> = { PGSQL: 5432, MYSQL: 3306 };

/** How long an unused connection stays open if connections need not persist. */
const NOT_PERSISTENT_MS = 1_000;

/** @throws CodedError `BadEnvironment` for a wrong connection option */
export function databaseSettings(environment: StackEnvironment, role: 'webapp' | 'node'): DatabaseSettings {
  const engine = environment.WA_DB_ENGINE;
  return {
    engine,
    host: environment.WA_DB_HOSTNAME,
    port: environment.WA_DB_PORT ?? DEFAULT_PORTS[engine],
    username: environment.WA_DB_USERNAME,
    password: environment.WA_DB_PASSWORD,
    prefix: environment.WA_DB_NAME_PREFIX,
    tls: databaseTls({
      option: role === 'node' ? environment.WA_DB_CONNECTION_OPTION : '',
      mode: environment.WABA_DB_SSL_MODE,
      peer: { engine, host: environment.WA_DB_HOSTNAME },
      ca: fileAt(environment.WA_DB_SSL_CA),
      cert: fileAt(environment.WA_DB_SSL_CERT),
      key: fileAt(environment.WA_DB_SSL_KEY),
    }),
    connections: environment.WABA_DB_CONNECTIONS,
    idleMs: idleMs(environment, role),
  };
}

const fileAt = (path: string): string | undefined => (path === '' ? undefined : readFileSync(path, 'utf8'));

/** A setting decides whether connections of Webapps persist; connections of nodes to MySQL have their own timeout. */
function idleMs(environment: StackEnvironment, role: 'webapp' | 'node'): number | undefined {
  const { WA_DB_PERSISTENT: persistent, WA_DB_ENGINE: engine } = environment;
  if (role === 'webapp' && persistent !== undefined) return persistent === '1' ? 0 : NOT_PERSISTENT_MS;
  return engine === 'MYSQL' ? environment.WA_DB_CONNECTION_IDLE_TIMEOUT : undefined;
}
