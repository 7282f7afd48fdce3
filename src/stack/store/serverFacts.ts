import type { DatabaseSettings } from './databaseSettings.ts';
import type { Engine } from './dialect.ts';

type Row = Readonly<Record<string, unknown>>;
/** Runs SQL without parameters. */
export type Ask = (sql: string) => Promise<readonly Row[]>;

/** How many connections a user may have; `stack` counts those to databases with the stack's prefix. */
export interface ConnectionCounts {
  /** Of everybody, without what the server reserves for administrators. */
  readonly limit: number;
  readonly used: number;
  /** Of this user; undefined without a limit. */
  readonly userLimit: number | undefined;
  readonly userUsed: number;
  readonly stack: number;
}

/** What a server says about itself and about the user who asks. */
interface ServerFacts {
  /** As the server writes it: `16.3`, `10.11.6-MariaDB`. */
  version(ask: Ask): Promise<string>;
  connections(ask: Ask, settings: DatabaseSettings): Promise<ConnectionCounts>;
  databases(ask: Ask): Promise<readonly string[]>;
  /** @returns what the server says if the user may not create databases with the prefix */
  createRefusal(ask: Ask, settings: DatabaseSettings): Promise<string | undefined>;
}

const numberOf = (value: unknown): number => Number(value ?? 0);
/** Only letters follow the prefix, so that the databases of `wa_b_` are not taken for those of `wa_`. */
const countOf = (names: readonly unknown[], prefix: string): number =>
  names.filter((name) => {
    const text = String(name).toLowerCase();
    return text.startsWith(prefix.toLowerCase()) && /^[a-z]+$/.test(text.slice(prefix.length));
  }).length;

const postgres: ServerFacts = {
  async version(ask) {
    const [row] = await ask('SHOW server_version');
    return String(row?.server_version);
  },
  async connections(ask, { prefix }) {
    // A server before 16 has no reserved_connections.
    const [row] = await ask(
      `SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true), '0')::int AS free,
         (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role`,
    );
    const sessions = await ask(
      "SELECT datname, usename = current_user AS own FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    );
    const limit = numberOf(row?.role ?? -1);
    return {
      limit: numberOf(row?.free),
      used: sessions.length,
      userLimit: limit < 0 ? undefined : limit,
      userUsed: sessions.filter(({ own }) => own === true).length,
      stack: countOf(
        sessions.map(({ datname }) => datname),
        prefix,
      ),
    };
  },
  databases: async (ask) =>
    (await ask('SELECT datname FROM pg_database')).map(({ datname }) => String(datname)),
  async createRefusal(ask) {
    const [row] = await ask(
      'SELECT rolcreatedb OR rolsuper AS may, rolname FROM pg_roles WHERE rolname = current_user',
    );
    return row?.may === false ? `role "${row.rolname}" lacks CREATEDB` : undefined;
  },
};

const mysql: ServerFacts = {
  async version(ask) {
    const [row] = await ask('SELECT VERSION() AS version');
    return String(row?.version);
  },
  async connections(ask, { prefix }) {
    const [row] = await ask('SELECT @@max_connections AS most, @@session.max_user_connections AS own');
    const [status] = await ask("SHOW GLOBAL STATUS LIKE 'Threads_connected'");
    // Without the right PROCESS, a user sees the sessions of his own only.
    const sessions = await ask(
      "SELECT DB AS db, USER = SUBSTRING_INDEX(USER(), '@', 1) AS own FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID()",
    );
    const limit = numberOf(row?.own);
    return {
      limit: numberOf(row?.most),
      used: Math.max(0, numberOf(status?.Value) - 1),
      userLimit: limit === 0 ? undefined : limit,
      userUsed: sessions.filter(({ own }) => numberOf(own) === 1).length,
      stack: countOf(
        sessions.map(({ db }) => db ?? ''),
        prefix,
      ),
    };
  },
  databases: async (ask) =>
    (await ask('SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA')).map(({ name }) =>
      String(name),
    ),
  /**
   * No table says what all grants and roles come to, so a database is made and dropped. Its name is one that no stack
   * uses: dropping cannot hit data.
   */
  async createRefusal(ask, { prefix }) {
    const name = `${prefix}waba_check_${process.pid}_${Date.now().toString(36)}`;
    try {
      await ask(`CREATE DATABASE \`${name}\``);
    } catch (error) {
      if (['ER_DBACCESS_DENIED_ERROR', 'ER_ACCESS_DENIED_ERROR'].includes(String((error as Row).code)))
        return (error as Error).message;
      throw error;
    }
    await ask(`DROP DATABASE \`${name}\``);
    return undefined;
  },
};

export const serverFacts: Readonly<Record<Engine, ServerFacts>> = { PGSQL: postgres, MYSQL: mysql };
