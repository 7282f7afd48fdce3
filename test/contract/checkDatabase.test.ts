import { connect, createServer } from 'node:net';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../../src/base/pki/certificates.ts';
import { freePort } from '../../src/base/ports.ts';
import { runDatabaseCheck } from '../../src/stack/stackRoles.ts';
import { checkDatabase } from '../../src/stack/store/checkDatabase.ts';
import type { DatabaseSettings } from '../../src/stack/store/databaseSettings.ts';
import { databaseTls } from '../../src/stack/store/databaseTls.ts';
import { servers } from '../../src/stack/store/server.ts';
import { serverFacts } from '../../src/stack/store/serverFacts.ts';
import { type TestDatabase, testPostgres } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { testDatabase } from '../support/testDatabase.ts';

const never = new AbortController().signal;
const HOST = '127.0.0.1';
const NEEDED = 10;

let database: TestDatabase;
let authority: KeyPair;
let stranger: KeyPair;
/** The server of another test has no TLS. */
let plain: TestDatabase;

beforeAll(async () => {
  authority = await createAuthority({ subject: 'CN=database CA' });
  stranger = await createAuthority({ subject: 'CN=another CA' });
  const server = await issueCertificate(authority, {
    commonName: 'localhost',
    hosts: ['localhost'],
    usage: 'server',
  });
  [database, plain] = await Promise.all([
    testDatabase({ server, caPem: authority.certificatePem }),
    testDatabase(),
  ]);
});
afterAll(() => Promise.all([database?.close(), plain?.close()]));

const settings = (changes: Partial<DatabaseSettings> = {}): DatabaseSettings => ({
  engine: database.engine,
  host: 'localhost',
  port: database.port,
  username: 'waba',
  password: database.password,
  prefix: 'check_',
  tls: databaseTls({ option: '', ca: authority.certificatePem }),
  ...changes,
});
const check = (changes: Partial<DatabaseSettings> = {}, needed = NEEDED) =>
  checkDatabase(settings(changes), { needed, clock: systemClock }, never);

/** Runs SQL as an administrator, in the words of each engine. */
async function administer(statements: {
  readonly PGSQL: readonly string[];
  readonly MYSQL: readonly string[];
}) {
  const { engine, port, password } = database;
  const login = { host: HOST, port, user: 'waba', password };
  if (engine === 'PGSQL') {
    const admin = new pg.Client({ ...login, database: 'postgres' });
    await admin.connect();
    for (const statement of statements.PGSQL) await admin.query(statement);
    await admin.end();
  } else {
    const admin = await createConnection(login);
    for (const statement of statements.MYSQL) await admin.query(statement);
    await admin.end();
  }
}

/** A session of somebody; the returned function ends it. */
async function session(name: string, user: string): Promise<() => Promise<void>> {
  const login = { host: HOST, port: database.port, user, password: database.password, database: name };
  if (database.engine === 'MYSQL') {
    const connection = await createConnection(login);
    return () => connection.end();
  }
  const client = new pg.Client(login);
  await client.connect();
  return () => client.end();
}

async function databaseNames(): Promise<readonly string[]> {
  const admin = await servers[database.engine].admin(settings());
  return serverFacts[database.engine].databases(admin.ask).finally(() => admin.close());
}

describe('the check of a database', () => {
  it('says that a good server is ready, with its version, and leaves nothing on it', async () => {
    const before = await databaseNames();
    const report = await check();
    expect(report).toMatchObject({ verdict: 'Ready', connections: { needed: NEEDED } });
    expect(report.version).toMatch(/^\d+\.\d+/);
    expect(report.message).toContain(`${report.version} lets the stack in`);
    expect(await databaseNames()).toEqual(before);
  });

  it('names an unknown host', async () => {
    expect((await check({ host: 'db.nowhere.invalid' })).verdict).toBe('DatabaseHostUnknown');
  });

  it('names a port where nothing listens', async () => {
    expect((await check({ port: await freePort() })).verdict).toBe('DatabaseConnectionRefused');
  });

  it('names a server that takes connections and says nothing', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, HOST, resolve));
    const { port } = silent.address() as { port: number };
    expect((await check({ host: HOST, port })).verdict).toBe('DatabaseNoAnswer');
    silent.close();
  });

  it('names a certificate of another CA, one for another name, and a server without TLS', async () => {
    const strange = { tls: databaseTls({ option: '', ca: stranger.certificatePem }) };
    expect((await check(strange)).verdict).toBe('DatabaseTlsFailed');
    const [ca, mode] = [authority.certificatePem, 'verify-full'] as const;
    if (database.engine === 'PGSQL') {
      const named = await check({ host: HOST, tls: databaseTls({ option: '', mode, ca }) });
      expect(named).toMatchObject({ verdict: 'DatabaseTlsFailed', message: expect.stringContaining(HOST) });
    }
    expect((await check({ port: plain.port })).verdict).toBe('DatabaseTlsFailed');
  });

  it('names a wrong password and an unknown user', async () => {
    expect((await check({ password: 'wrong' })).verdict).toBe('DatabaseLoginRefused');
    expect((await check({ username: 'nobody' })).verdict).toBe('DatabaseLoginRefused');
  });

  it('names a user who may not create databases, unless the databases are there', async () => {
    await administer({
      PGSQL: [`CREATE ROLE poor LOGIN PASSWORD '${database.password}'`],
      MYSQL: [`CREATE USER 'poor'@'%' IDENTIFIED BY '${database.password}'`],
    });
    const report = await check({ username: 'poor' });
    expect(report).toMatchObject({
      verdict: 'DatabaseRightsMissing',
      message: expect.stringContaining('poor may not create databases'),
    });
    const names = ['configStore', 'clusterStore', 'messageStore'].map((name) => `made_${name}`);
    await administer({
      PGSQL: names.map((name) => `CREATE DATABASE "${name}" OWNER poor`),
      MYSQL: names.map((name) => `CREATE DATABASE \`${name}\``),
    });
    if (database.engine === 'MYSQL') return;
    expect(await check({ username: 'poor', prefix: 'made_' })).toMatchObject({ verdict: 'Ready' });
  });

  it('counts the connections that others leave, and not those of the stack itself', async () => {
    expect(await check({}, 10_000)).toMatchObject({
      verdict: 'DatabaseConnectionsFew',
      message: expect.stringContaining('the stack needs at least 10000'),
    });
    await administer({
      PGSQL: [
        `CREATE ROLE limited LOGIN CREATEDB CONNECTION LIMIT 5 PASSWORD '${database.password}'`,
        'CREATE DATABASE "own_waweb"',
      ],
      MYSQL: ['CREATE DATABASE own_waweb'],
    });
    const user = { username: database.engine === 'PGSQL' ? 'limited' : 'waba', prefix: 'own_' };
    if (database.engine === 'PGSQL')
      expect(await check(user, 6)).toMatchObject({
        verdict: 'DatabaseConnectionsFew',
        message: expect.stringContaining('this user takes at most 5'),
      });
    const free = async () => (await check(user, 1)).connections?.free;
    // The server may still count a session that has just ended.
    const isFree = (count: number | undefined) => eventually(async () => (await free()) === count, 5_000);
    const all = database.engine === 'PGSQL' ? 5 : await free();
    await isFree(all);
    const closeOwn = await session('own_waweb', user.username);
    await isFree(all);
    const closeOther = await session(database.engine === 'PGSQL' ? 'postgres' : 'mysql', user.username);
    await isFree((all ?? 0) - 1);
    await Promise.all([closeOwn(), closeOther()]);
  });

  it('goes on until the database is ready, and says what it found whenever that changes', async () => {
    const port = await freePort();
    const printed: { verdict: string }[] = [];
    const env = {
      WA_DB_ENGINE: database.engine,
      WA_DB_HOSTNAME: 'localhost',
      WA_DB_PORT: String(port),
      WA_DB_USERNAME: 'waba',
      WA_DB_PASSWORD: database.password,
    };
    const print = (line: string) => void printed.push(JSON.parse(line) as { verdict: string });
    const once = runDatabaseCheck({ env, clock: systemClock }, { needed: 1, wait: false, print }, never);
    expect(await once).toBe(false);
    const fast = { ...systemClock, after: (_: number, run: () => void) => systemClock.after(50, run) };
    const waiting = runDatabaseCheck({ env, clock: fast }, { needed: 1, wait: true, print }, never);
    await eventually(() => printed.length === 2);
    const link = createServer((from) => {
      const to = connect({ host: HOST, port: database.port });
      from.on('error', () => to.destroy());
      to.on('error', () => from.destroy());
      from.pipe(to).pipe(from);
    });
    await new Promise<void>((resolve) => link.listen(port, 'localhost', resolve));
    expect(await waiting).toBe(true);
    link.close();
    expect(printed.map(({ verdict }) => verdict)).toEqual([
      'DatabaseConnectionRefused',
      'DatabaseConnectionRefused',
      'Ready',
    ]);
  });
});

/** Where only PostgreSQL is installed there is no other engine. A skipped test would count as failed in CI. */
const hasBothEngines = process.env.WABA_TEST_ENGINE === 'MYSQL';
if (hasBothEngines)
  it('a server of the other engine is named in both directions', async () => {
    const postgres = await testPostgres();
    try {
      expect(await check({ port: postgres.port })).toMatchObject({
        verdict: 'DatabaseOtherEngine',
        message: `a PostgreSQL server listens at localhost:${postgres.port}, not MySQL`,
      });
      const other = { engine: 'PGSQL', port: database.port } as const;
      expect((await check(other)).verdict).toBe('DatabaseOtherEngine');
      expect((await check({ ...other, tls: undefined })).verdict).toBe('DatabaseOtherEngine');
    } finally {
      await postgres.close();
    }
  });
