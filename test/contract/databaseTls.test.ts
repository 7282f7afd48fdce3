import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../../src/base/pki/certificates.ts';
import { freePort } from '../../src/base/ports.ts';
import { startPostgres } from '../../src/base/postgres/embeddedPostgres.ts';
import { DATABASE_CERTIFICATE } from '../../src/operator/plan/facts/generatedSecrets.ts';
import { POSTGRES_TLS } from '../../src/operator/plan/render/postgresServer.ts';
import { CERTIFICATE_FILES } from '../../src/operator/plan/render/serverTls.ts';
import { generateSecret } from '../../src/operator/workloads/generatedSecrets.ts';
import { openDatabases } from '../../src/stack/store/databases.ts';
import { databaseTls } from '../../src/stack/store/databaseTls.ts';
import { DatabaseWebStore } from '../../src/stack/store/databaseWebStore.ts';
import { servers } from '../../src/stack/store/server.ts';
import { upgradeSchema } from '../../src/stack/store/upgrade.ts';
import type { TestDatabase } from '../support/emulatorStack.ts';
import { testDatabase } from '../support/testDatabase.ts';
import { whatsAppDeployment } from '../support/whatsAppDeployment.ts';

let database: TestDatabase;
let authority: KeyPair;
let stranger: KeyPair;
let client: KeyPair;

beforeAll(async () => {
  authority = await createAuthority({ subject: 'CN=database CA' });
  stranger = await createAuthority({ subject: 'CN=another CA' });
  client = await issueCertificate(authority, { commonName: 'waba', hosts: ['waba'], usage: 'client' });
  const server = await issueCertificate(authority, {
    commonName: 'localhost',
    hosts: ['localhost'],
    usage: 'server',
  });
  database = await testDatabase({ server, caPem: authority.certificatePem });
});
afterAll(() => database?.close());

const settings = (
  host: string,
  given: Parameters<typeof databaseTls>[0],
  username = 'waba',
  port = database.port,
) => ({
  engine: database.engine,
  host,
  port,
  username,
  password: database.password,
  prefix: 'tls_',
  tls: databaseTls(given),
});

async function connect(...where: Parameters<typeof settings>): Promise<string> {
  const one = settings(...where);
  const admin = await servers[one.engine].admin(one);
  try {
    return await admin.cipher();
  } finally {
    await admin.close();
  }
}

describe('a connection to the database', () => {
  it('is encrypted and verified with the CA, by name', async () => {
    const ca = authority.certificatePem;
    expect(await connect('localhost', { option: '', ca })).toMatch(/\w/);
    await expect(connect('localhost', { option: '', ca: stranger.certificatePem })).rejects.toThrow();
    expect(await connect('127.0.0.1', { option: 'sslmode=verify-ca', ca })).toMatch(/\w/);
  });

  it('is encrypted but not verified without a CA, and plain without TLS', async () => {
    expect(await connect('127.0.0.1', { option: 'sslmode=require' })).toMatch(/\w/);
    expect(await connect('127.0.0.1', { option: '' })).toBe('');
  });

  it('can use a client certificate', async () => {
    const { certificatePem: cert, privateKeyPem: key } = client;
    const ca = authority.certificatePem;
    expect(await connect('localhost', { option: '', ca, cert, key })).toMatch(/\w/);
  });

  it('waits for its turn when the maximum number of connections is in use', async () => {
    const one = { ...settings('localhost', { option: '', ca: authority.certificatePem }), connections: 1 };
    const databases = openDatabases(one, silentLogger);
    try {
      await upgradeSchema(one, databases, ['web'], silentLogger);
      const store = new DatabaseWebStore(databases);
      await store.ensureAdmin();
      const users = await Promise.all(Array.from({ length: 20 }, () => store.user('admin')));
      expect(users.map((user) => user?.username)).toEqual(Array.from({ length: 20 }, () => 'admin'));
    } finally {
      await databases.close();
    }
  });
});

/** Runs SQL as an administrator of the server. */
async function administer(statements: {
  readonly PGSQL: readonly string[];
  readonly MYSQL: readonly string[];
}) {
  const { engine, port, password } = database;
  if (engine === 'PGSQL') {
    const admin = new pg.Client({ host: '127.0.0.1', port, user: 'waba', password, database: 'postgres' });
    await admin.connect();
    for (const statement of statements.PGSQL) await admin.query(statement);
    const { rows } = await admin.query<{ hba: string }>("SELECT current_setting('hba_file') AS hba");
    await admin.end();
    return rows[0]?.hba;
  }
  const admin = await createConnection({ host: '127.0.0.1', port, user: 'waba', password });
  for (const statement of statements.MYSQL) await admin.query(statement);
  await admin.end();
  return undefined;
}

describe('a server that demands a certificate of its clients', () => {
  beforeAll(async () => {
    // PostgreSQL also demands that the certificate has the name of the user.
    const rules = ['hostssl all certified all scram-sha-256 clientcert=verify-full'];
    const hba = await administer({
      PGSQL: [`CREATE ROLE certified LOGIN PASSWORD '${database.password}'`],
      MYSQL: [`CREATE USER 'certified'@'%' IDENTIFIED BY '${database.password}' REQUIRE X509`],
    });
    if (hba === undefined) return;
    const before = await readFile(hba, 'utf8');
    await writeFile(hba, `${rules.join('\n')}\nhost all certified all reject\n${before}`);
    await administer({ PGSQL: ['SELECT pg_reload_conf()'], MYSQL: [] });
  });

  const certified = (given: Partial<Parameters<typeof databaseTls>[0]>) =>
    connect('localhost', { option: '', ca: authority.certificatePem, ...given }, 'certified');

  it('lets in who has one, and nobody else', async () => {
    const right = await issueCertificate(authority, {
      commonName: 'certified',
      hosts: ['certified'],
      usage: 'client',
    });
    const forged = await issueCertificate(stranger, {
      commonName: 'certified',
      hosts: ['certified'],
      usage: 'client',
    });
    expect(await certified({ cert: right.certificatePem, key: right.privateKeyPem })).toMatch(/\w/);
    await expect(certified({})).rejects.toThrow();
    await expect(certified({ cert: forged.certificatePem, key: forged.privateKeyPem })).rejects.toThrow();
  });
});

describe('the name of the server', () => {
  /** Answers for a server whose certificate has these names. */
  const withNames = async (hosts: readonly string[], run: (port: number) => Promise<void>) => {
    const named = await issueCertificate(authority, { commonName: 'db', hosts: [...hosts], usage: 'server' });
    const other = await testDatabase({ server: named, caPem: authority.certificatePem });
    await run(other.port).finally(() => other.close());
  };
  const to = (host: string, port: number, mode: 'verify-ca' | 'verify-full') =>
    connect(host, { option: '', mode, ca: authority.certificatePem }, 'waba', port);

  it('is verified with verify-full, and not with verify-ca', async () => {
    await withNames(['other.example', '127.0.0.2'], async (port) => {
      await expect(to('localhost', port, 'verify-full')).rejects.toThrow(/localhost/);
      if (database.engine === 'PGSQL')
        await expect(to('127.0.0.1', port, 'verify-full')).rejects.toThrow(/127\.0\.0\.1/);
      expect(await to('localhost', port, 'verify-ca')).toMatch(/\w/);
      expect(await to('127.0.0.1', port, 'verify-ca')).toMatch(/\w/);
    });
  });

  it('may be an address of PostgreSQL', async () => {
    if (database.engine === 'MYSQL') return;
    await withNames(['127.0.0.1'], async (port) => {
      expect(await to('127.0.0.1', port, 'verify-full')).toMatch(/\w/);
      await expect(to('localhost', port, 'verify-full')).rejects.toThrow(/localhost/);
    });
  });
});

describe('the server of a managed database', () => {
  it('offers TLS with what the operator generates and sets, and takes plain connections too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waba-managed-'));
    const { stringData = {} } = (await generateSecret(whatsAppDeployment(), 'shop-database-certificate')) as {
      readonly stringData?: Readonly<Record<string, string>>;
    };
    for (const key of [DATABASE_CERTIFICATE.chain, DATABASE_CERTIFICATE.key])
      await writeFile(join(folder, key), stringData[key] ?? '', { mode: 0o600 });
    const mountPath = dirname(CERTIFICATE_FILES.chain);
    const settings = POSTGRES_TLS.flatMap((word) => {
      const [name, value] = word.replace(mountPath, folder).split('=');
      return name && value ? [[name, value]] : [];
    });
    const one = { host: '127.0.0.1', port: await freePort(), username: 'waba', password: 'managed' };
    const server = await startPostgres(
      {
        ...one,
        dataFolder: join(folder, 'data'),
        clock: systemClock,
        settings: Object.fromEntries(settings),
      },
      new AbortController().signal,
    );
    const cipher = async (given: Parameters<typeof databaseTls>[0]) => {
      const admin = await servers.PGSQL.admin({
        ...one,
        engine: 'PGSQL',
        prefix: 'managed_',
        tls: databaseTls(given),
      });
      return admin.cipher().finally(() => admin.close());
    };
    try {
      const ca = stringData[DATABASE_CERTIFICATE.ca];
      expect(await cipher({ option: 'sslmode=verify-ca', ca })).toMatch(/\w/);
      await expect(cipher({ option: 'sslmode=verify-ca', ca: stranger.certificatePem })).rejects.toThrow();
      // The name of the Service, which is not that of this address.
      await expect(cipher({ option: '', ca })).rejects.toThrow();
      expect(await cipher({ option: '' })).toBe('');
    } finally {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
