import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../../src/base/pki/certificates.ts';
import { openDatabases } from '../../src/stack/store/databases.ts';
import { databaseTls } from '../../src/stack/store/databaseTls.ts';
import { servers } from '../../src/stack/store/server.ts';
import { upgradeSchema } from '../../src/stack/store/upgrade.ts';
import { WebStore } from '../../src/stack/store/webStore.ts';
import type { TestDatabase } from '../support/emulatorStack.ts';
import { testDatabase } from '../support/testDatabase.ts';

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
      const store = new WebStore(databases);
      await store.ensureAdmin();
      const users = await Promise.all(Array.from({ length: 20 }, () => store.user('admin')));
      expect(users.map((user) => user?.username)).toEqual(Array.from({ length: 20 }, () => 'admin'));
    } finally {
      await databases.close();
    }
  });
});
