import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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

const settings = (host: string, given: Parameters<typeof databaseTls>[0]) => ({
  engine: database.engine,
  host,
  port: database.port,
  username: 'waba',
  password: database.password,
  prefix: 'tls_',
  tls: databaseTls(given),
});

async function connect(host: string, given: Parameters<typeof databaseTls>[0]): Promise<string> {
  const one = settings(host, given);
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
