import { sql } from 'kysely';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { type Databases, openDatabases } from '../../src/stack/store/databases.ts';
import { isDatabaseError } from '../../src/stack/store/isDatabaseError.ts';
import { isReadOnlyError } from '../../src/stack/store/isReadOnlyError.ts';
import { upgradeSchema } from '../../src/stack/store/upgrade.ts';
import { CuttableLink, type LinkOptions } from '../support/cuttableLink.ts';
import type { TestDatabase } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { testDatabase } from '../support/testDatabase.ts';

const HOST = '127.0.0.1';
const CONNECTIONS = 2;
const SILENT_MS = 500;

let database: TestDatabase;
const closers: (() => Promise<void>)[] = [];
beforeAll(async () => {
  database = await testDatabase();
  const { settings, databases } = open(database.port);
  await upgradeSchema(settings, databases, ['cluster'], silentLogger);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => database?.close());

function open(port: number) {
  const { engine, password } = database;
  const settings = {
    engine,
    host: HOST,
    port,
    username: 'waba',
    password,
    prefix: 'connections_',
    connections: CONNECTIONS,
    silentMs: SILENT_MS,
  };
  const databases = openDatabases(settings, silentLogger);
  closers.push(() => databases.close());
  return { settings, databases };
}

async function openOverLink(options?: LinkOptions) {
  const link = await CuttableLink.start(HOST, [database.port], options);
  closers.push(() => link.close());
  return { link, databases: open(link.ports[0] as number).databases };
}

const ask = async ({ cluster }: Databases) => sql`select 1 as answer`.execute(cluster);
const answer = { rows: [{ answer: 1 }] };
/** A change as any other, though it finds no row. */
const write = async ({ cluster }: Databases) => sql`update nodes set hostname = hostname`.execute(cluster);
const connectionId = async ({ cluster }: Databases) => {
  const id =
    database.engine === 'MYSQL'
      ? sql<{ id: number }>`select connection_id() as id`
      : sql<{ id: number }>`select pg_backend_pid() as id`;
  return (await id.execute(cluster)).rows[0]?.id;
};
/** Makes the server refuse writes, or take them again. */
async function setReadOnly(is: 'ON' | 'OFF'): Promise<void> {
  const login = { host: HOST, port: database.port, password: database.password };
  if (database.engine === 'MYSQL') {
    const root = await createConnection({ ...login, user: 'root' });
    await root.query(`SET GLOBAL read_only = ${is}`);
    await root.end();
    return;
  }
  const client = new pg.Client({ ...login, user: 'waba', database: 'postgres' });
  await client.connect();
  await client.query(`ALTER SYSTEM SET default_transaction_read_only = ${is}`);
  await client.query('SELECT pg_reload_conf()');
  await client.end();
}

const refusal = (asking: Promise<unknown>) => asking.then(() => undefined).catch((error: unknown) => error);

describe('a pool of connections to the database', () => {
  it('loses no place when connections break while they are prepared', async () => {
    let left = 2 * CONNECTIONS;
    const { databases } = await openOverLink({
      breaksAt: (data) => /SET (enable_bitmapscan|SESSION)/.test(data.toString('latin1')) && left-- > 0,
    });
    for (let broken = 0; broken < 2 * CONNECTIONS; broken++)
      expect(isDatabaseError(await refusal(ask(databases)))).toBe(true);
    expect(left).toBe(0);
    expect(await ask(databases)).toMatchObject(answer);
  });

  it('gives up connections whose server vanished without a word, and opens others', async () => {
    const { link, databases } = await openOverLink();
    await Promise.all(Array.from({ length: CONNECTIONS }, () => ask(databases)));
    link.swallow();
    const problems = await Promise.all(Array.from({ length: CONNECTIONS }, () => refusal(ask(databases))));
    for (const problem of problems) expect(problem).toMatchObject({ code: 'ETIMEDOUT' });
    expect(await ask(databases)).toMatchObject(answer);
  });

  it('keeps an idle connection, and one that is used again and again', async () => {
    const { link, databases } = await openOverLink();
    await ask(databases);
    await new Promise((resolve) => setTimeout(resolve, 3 * SILENT_MS));
    link.refuse();
    for (let time = 0; time < 3; time++) expect(await ask(databases)).toMatchObject(answer);
  });

  it('leaves a server that takes no writes, and keeps a connection that had another problem', async () => {
    const { databases } = open(database.port);
    const first = await connectionId(databases);
    expect(isDatabaseError(await refusal(sql`select nonsense`.execute(databases.cluster)))).toBe(true);
    expect(await connectionId(databases)).toBe(first);
    await setReadOnly('ON');
    try {
      expect(isReadOnlyError(await eventually(() => refusal(write(databases))))).toBe(true);
    } finally {
      await setReadOnly('OFF');
    }
    expect(await connectionId(databases)).not.toBe(first);
    await eventually(() => write(databases));
  });
});
