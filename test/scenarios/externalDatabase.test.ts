import { readFile, writeFile } from 'node:fs/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate, type KeyPair } from '../../src/base/pki/certificates.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { startReceiver, type TestDatabase, testPostgres } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';
import { StackLoad } from '../support/stackLoad.ts';

/** A server that takes only TLS with a certificate for its user, under a name that the stack verifies. */
const USER = 'certified';
const STACK = 'sales';
const NUMBER = '16315558301';
const never = new AbortController().signal;

let cluster: OperatorCluster;
let database: TestDatabase;
let admin: Client;
let authority: KeyPair;
let receiver: Awaited<ReturnType<typeof startReceiver>>;

const secret = (name: string, stringData: Record<string, string>, type?: string): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
    ...(type ? { type } : {}),
    stringData,
  }) as KubeObject;

/** The certificate that the stack presents, signed by an authority. */
async function clientCertificate(by: KeyPair): Promise<KubeObject> {
  const pair = await issueCertificate(by, { commonName: USER, hosts: [USER], usage: 'client' });
  const data = { 'tls.crt': pair.certificatePem, 'tls.key': pair.privateKeyPem };
  return secret('sales-client', data, 'kubernetes.io/tls');
}

beforeAll(async () => {
  receiver = await startReceiver();
  authority = await createAuthority({ subject: 'CN=database CA' });
  const server = await issueCertificate(authority, {
    commonName: 'localhost',
    hosts: ['localhost'],
    usage: 'server',
  });
  database = await testPostgres({ server, caPem: authority.certificatePem });
  const { port, password } = database;
  admin = new Client({ host: '127.0.0.1', port, user: 'waba', password, database: 'postgres' });
  await admin.connect();
  await admin.query(`CREATE ROLE ${USER} LOGIN CREATEDB PASSWORD '${password}'`);
  const { rows } = await admin.query<{ hba: string }>("SELECT current_setting('hba_file') AS hba");
  const hba = rows[0]?.hba ?? '';
  const rules = [
    `hostssl all ${USER} all scram-sha-256 clientcert=verify-full`,
    `host all ${USER} all reject`,
    await readFile(hba, 'utf8'),
  ];
  await writeFile(hba, rules.join('\n'));
  await admin.query('SELECT pg_reload_conf()');
  cluster = await OperatorCluster.start();
  await cluster.installOperator();
  await cluster.kubectl('delete', 'wad', 'shop', '--wait=false');
  await cluster.apply(secret('sales-login', { username: USER, password }));
  await cluster.apply(secret('sales-ca', { 'ca.crt': authority.certificatePem }));
  await cluster.apply(await clientCertificate(authority));
}, 300_000);
afterAll(async () => {
  await cluster?.close();
  await admin?.end();
  await database?.close();
  await receiver?.close();
});

const checks = async (): Promise<readonly string[]> => {
  const { items } = await cluster.client.list(kinds.Job, { namespace: 'default' }, never);
  return items.map(({ metadata }) => metadata.name).filter((name) => name.includes('-database-check-'));
};
const uidsOfNodes = async (): Promise<readonly string[]> => {
  const labelSelector = `app.kubernetes.io/instance=${STACK},app.kubernetes.io/component in (webapp,coreapp)`;
  const { items } = await cluster.client.list(kinds.Pod, { namespace: 'default', labelSelector }, never);
  return items.map(({ metadata }) => metadata.uid ?? '').sort();
};

describe('a stack on a database server that demands everything', () => {
  it('is checked, and becomes ready', { timeout: 240_000 }, async () => {
    await cluster.apply({
      apiVersion: 'waba-operator.dev/v1alpha1',
      kind: 'WhatsAppDeployment',
      metadata: { name: STACK, namespace: 'default' },
      spec: {
        phoneNumber: `+${NUMBER}`,
        topology: 'Single',
        database: {
          external: {
            host: 'localhost',
            port: database.port,
            name: 'sales_',
            credentialsSecretRef: { name: 'sales-login' },
            tls: {
              mode: 'VerifyFull',
              caSecretRef: { name: 'sales-ca' },
              clientCertificateSecretRef: { name: 'sales-client' },
            },
          },
        },
      },
    });
    await cluster.ready(STACK, 180_000);
    expect(await checks()).toHaveLength(1);
    const { rows } = await admin.query<{ datname: string }>(
      "SELECT datname FROM pg_database WHERE datname LIKE 'sales%' ORDER BY 1",
    );
    expect(rows.map(({ datname }) => datname)).toEqual([
      'sales_clusterStore',
      'sales_configStore',
      'sales_messageStore',
      'sales_waweb',
    ]);
    const { rows: plain } = await admin.query(
      `SELECT 1 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = '${USER}' AND NOT ssl`,
    );
    expect(plain).toEqual([]);
  });

  it('tells that its new certificate is refused, and goes on with the pods that run', {
    timeout: 240_000,
  }, async () => {
    const before = await uidsOfNodes();
    const [good] = await checks();
    const stranger = await createAuthority({ subject: 'CN=another CA' });
    await cluster.apply(await clientCertificate(stranger));
    await eventually(
      async () => (await cluster.condition(STACK, 'DatabaseReady'))?.reason === 'DatabaseTlsFailed',
      60_000,
    ).catch(async (cause: unknown) => {
      throw new Error(JSON.stringify(await cluster.condition(STACK, 'DatabaseReady')), { cause });
    });
    expect(await uidsOfNodes()).toEqual(before);
    expect(await checks()).not.toContain(good);
    await cluster.apply(await clientCertificate(authority));
    await cluster.ready(STACK, 180_000);
    expect(await checks()).toHaveLength(1);
  });

  it('takes another login under load, loses no accepted message, and leaves the first account', {
    timeout: 420_000,
  }, async () => {
    // As docs/databases.md says: a member of the first account, which acts as it.
    await admin.query(`CREATE ROLE ${USER}_2 LOGIN IN ROLE ${USER} PASSWORD 'secondPassword1'`);
    await admin.query(`ALTER ROLE ${USER}_2 SET role = ${USER}`);
    await cluster.apply(secret('hook-ca', { 'ca.crt': receiver.caPem }));
    await cluster.spec(STACK, {
      settings: { webhooks: { message: { sent: true, delivered: true } } },
      webhook: { url: receiver.url, caSecretRef: { name: 'hook-ca', key: 'ca.crt' } },
    });
    await cluster.ready(STACK, 120_000);
    const load = await StackLoad.start({
      cluster,
      name: STACK,
      number: NUMBER,
      receiver,
      perSecond: 10,
    });
    await cluster.apply(secret('sales-login-2', { username: `${USER}_2`, password: 'secondPassword1' }));
    await cluster.spec(STACK, {
      database: { external: { credentialsSecretRef: { name: 'sales-login-2' } } },
    });
    const sessions = async (user: string) => {
      const { rows } = await admin.query('SELECT 1 FROM pg_stat_activity WHERE usename = $1', [user]);
      return rows.length;
    };
    await eventually(async () => (await sessions(USER)) === 0 && (await sessions(`${USER}_2`)) > 0, 180_000);
    await cluster.ready(STACK, 120_000);
    await admin.query(`ALTER ROLE ${USER} WITH NOLOGIN`);
    await load.flows(50);
    expect(await load.stop()).toEqual([]);
    expect(load.accepted.length).toBeGreaterThan(70);
    expect(await checks()).toHaveLength(1);
  });
});
