import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { exited } from '../../src/base/childProcess.ts';
import { systemClock } from '../../src/base/clock.ts';
import { freePort } from '../../src/base/ports.ts';
import { startPostgres } from '../../src/base/postgres/embeddedPostgres.ts';
import type { TestDatabase } from './emulatorStack.ts';
import { eventually } from './eventually.ts';
import { testMariadb } from './testMariadb.ts';

const HOST = '127.0.0.1';
const PASSWORD = 'test-password';
const never = new AbortController().signal;

/** Two servers: what the primary confirms, the standby has. */
export interface ReplicatedDatabase {
  readonly primary: TestDatabase;
  readonly standbyPort: number;
  /** Ends the primary with SIGKILL. */
  killPrimary(): Promise<void>;
  /** The primary refuses writes, and keeps its connections. What it confirmed before is on the standby. */
  demotePrimary(): Promise<void>;
  promoteStandby(): Promise<void>;
}

/** PostgreSQL or MariaDB, as the test project says. */
export const replicatedDatabase = (): Promise<ReplicatedDatabase> =>
  process.env.WABA_TEST_ENGINE === 'MYSQL' ? replicatedMariadb() : replicatedPostgres();

async function askPostgres(port: number, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ host: HOST, port, user: 'waba', password: PASSWORD, database: 'postgres' });
  await client.connect();
  let rows: Record<string, unknown>[] = [];
  for (const statement of statements) ({ rows } = await client.query(statement));
  await client.end();
  return rows;
}

/** The standby begins with the files of the primary, copied while it does not run. */
async function replicatedPostgres(): Promise<ReplicatedDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'waba-replicated-'));
  const port = await freePort();
  const standbyPort = await freePort();
  const start = (name: string, at: number, settings: Record<string, string> = {}) =>
    startPostgres(
      {
        dataFolder: join(folder, name),
        host: HOST,
        port: at,
        username: 'waba',
        password: PASSWORD,
        clock: systemClock,
        settings: { max_connections: '100', ...settings },
      },
      never,
    );
  await (await start('primary', port)).stop();
  await cp(join(folder, 'primary'), join(folder, 'standby'), { recursive: true });
  await writeFile(join(folder, 'standby', 'standby.signal'), '');
  const primary = await start('primary', port, { synchronous_standby_names: '*' });
  const standby = await start('standby', standbyPort, {
    primary_conninfo: `host=${HOST} port=${port} user=waba password=${PASSWORD}`,
  });
  await eventually(async () => {
    const rows = await askPostgres(port, "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'");
    return rows.length > 0;
  });
  return {
    primary: {
      engine: 'PGSQL',
      port,
      password: PASSWORD,
      close: async () => {
        // The standby last: a primary without it waits for it with each open write.
        await primary.stop();
        await standby.stop();
        await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
      },
    },
    standbyPort,
    killPrimary: async () => {
      primary.process.kill('SIGKILL');
      await exited(primary.process);
    },
    demotePrimary: async () => {
      await askPostgres(
        port,
        'ALTER SYSTEM SET default_transaction_read_only = on',
        'SELECT pg_reload_conf()',
      );
      const writing = 'SELECT 1 FROM pg_stat_activity WHERE backend_xid IS NOT NULL';
      await eventually(async () => (await askPostgres(port, writing)).length === 0);
    },
    promoteStandby: async () => void (await askPostgres(standbyPort, 'SELECT pg_promote()')),
  };
}

async function askMariadb(port: number, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const connection = await createConnection({ host: HOST, port, user: 'root', password: PASSWORD });
  let rows: unknown = [];
  for (const statement of statements) [rows] = await connection.query(statement);
  await connection.end();
  return rows as Record<string, unknown>[];
}

/** Semi-synchronous replication that waits for the replica however long it takes. */
async function replicatedMariadb(): Promise<ReplicatedDatabase> {
  const start = (...args: string[]) =>
    testMariadb(undefined, ['--log-bin=binlog', '--binlog-format=ROW', ...args]);
  const [primary, replica] = await Promise.all([
    start(
      '--server-id=1',
      '--rpl-semi-sync-master-wait-point=AFTER_SYNC',
      '--rpl-semi-sync-master-timeout=4294967295',
    ),
    start('--server-id=2', '--read-only=1', '--rpl-semi-sync-slave-enabled=1'),
  ]);
  // Both have made the accounts for themselves.
  await askMariadb(primary.port, 'RESET MASTER');
  await askMariadb(
    replica.port,
    'RESET MASTER',
    `CHANGE MASTER TO master_host = '${HOST}', master_port = ${primary.port}, master_user = 'root', master_password = '${PASSWORD}', master_use_gtid = slave_pos`,
    'START SLAVE',
  );
  await eventually(async () => {
    const rows = await askMariadb(primary.port, "SHOW STATUS LIKE 'Rpl_semi_sync_master_clients'");
    return rows[0]?.Value === '1';
  });
  await askMariadb(primary.port, 'SET GLOBAL rpl_semi_sync_master_enabled = 1');
  return {
    primary: {
      ...primary,
      close: async () => {
        await replica.close();
        await primary.close();
      },
    },
    standbyPort: replica.port,
    killPrimary: () => primary.stop('SIGKILL'),
    demotePrimary: async () => void (await askMariadb(primary.port, 'SET GLOBAL read_only = 1')),
    promoteStandby: async () => {
      // What has arrived is carried out before it stops.
      await eventually(async () => {
        const [state] = await askMariadb(replica.port, 'SHOW SLAVE STATUS');
        return (
          state?.Slave_IO_State !== undefined &&
          /has read all relay log/i.test(String(state?.Slave_SQL_Running_State))
        );
      });
      await askMariadb(replica.port, 'STOP SLAVE', 'RESET SLAVE ALL', 'SET GLOBAL read_only = 0');
    },
  };
}
