import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { escape as quoted } from 'mysql2';
import pg from 'pg';
import type { Engine } from './dialect.ts';
import type { Ask } from './serverFacts.ts';

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** The accounts of a server that serves one stack. Each step can be repeated. */
interface Accounts {
  /** Makes an account that may do everything, or gives it this password. */
  prepare(ask: Ask, login: Login): Promise<void>;
  /** Where the sessions of an account come from, one entry for each. */
  sessions(ask: Ask, username: string): Promise<readonly string[]>;
  /** Lets nobody in any more, and forgets the password. Sessions stay. */
  lock(ask: Ask, username: string): Promise<void>;
}

const postgres: Accounts = {
  async prepare(ask, { username, password }) {
    const role = pg.escapeIdentifier(username);
    const known = await ask(`SELECT 1 FROM pg_roles WHERE rolname = ${pg.escapeLiteral(username)}`);
    if (known.length === 0) await ask(`CREATE ROLE ${role}`);
    const [setting] = await ask('SHOW password_encryption');
    // As psql's \password: a server may log a statement, so it gets no password.
    const stored = setting?.password_encryption === 'md5' ? md5Of : scramOf;
    const text = pg.escapeLiteral(stored({ username, password }));
    await ask(`ALTER ROLE ${role} WITH LOGIN SUPERUSER PASSWORD ${text}`);
  },
  async sessions(ask, username) {
    const rows = await ask(
      `SELECT coalesce(host(client_addr), 'the pod of the database') AS place FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND usename = ${pg.escapeLiteral(username)}`,
    );
    return rows.map(({ place }) => String(place));
  },
  async lock(ask, username) {
    await ask(`ALTER ROLE ${pg.escapeIdentifier(username)} WITH NOLOGIN PASSWORD NULL`);
  },
};

const md5Of = ({ username, password }: Login): string =>
  `md5${createHash('md5').update(`${password}${username}`).digest('hex')}`;

const SCRAM_ROUNDS = 4096;

/** What PostgreSQL stores of a password of letters and digits, in the form of RFC 5803. */
function scramOf({ password }: Login): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, SCRAM_ROUNDS, 32, 'sha256');
  const keyed = (text: string) => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(keyed('Client Key')).digest('base64');
  const serverKey = keyed('Server Key').toString('base64');
  return `SCRAM-SHA-256$${SCRAM_ROUNDS}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

const ANYWHERE = '%';

/** An account of MySQL is a name and where its clients are; the images make root twice. */
async function placesOf(ask: Ask, username: string): Promise<readonly string[]> {
  const rows = await ask(`SELECT Host AS place FROM mysql.user WHERE User = ${quoted(username)}`);
  return rows.map(({ place }) => String(place));
}

const mysql: Accounts = {
  async prepare(ask, { username, password }) {
    // The server writes the passwords of these statements to none of its logs.
    const secret = `IDENTIFIED BY ${quoted(password)}`;
    for (const place of new Set([ANYWHERE, ...(await placesOf(ask, username))])) {
      const account = `${quoted(username)}@${quoted(place)}`;
      await ask(`CREATE USER IF NOT EXISTS ${account} ${secret}`);
      await ask(`ALTER USER ${account} ${secret} ACCOUNT UNLOCK`);
      await ask(`GRANT ALL PRIVILEGES ON *.* TO ${account} WITH GRANT OPTION`);
    }
  },
  async sessions(ask, username) {
    const rows = await ask(
      `SELECT HOST AS place FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND USER = ${quoted(username)}`,
    );
    return rows.map(({ place }) => String(place).replace(/:\d+$/, ''));
  },
  async lock(ask, username) {
    const secret = quoted(randomBytes(24).toString('hex'));
    for (const place of await placesOf(ask, username))
      await ask(`ALTER USER ${quoted(username)}@${quoted(place)} IDENTIFIED BY ${secret} ACCOUNT LOCK`);
  },
};

export const accounts: Readonly<Record<Engine, Accounts>> = { PGSQL: postgres, MYSQL: mysql };
