import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import type { WhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';
import { WhatsAppDeploymentKind } from '../../src/operator/state/stackSources.ts';
import { DatabaseStack } from '../support/databaseStack.ts';
import { eventually } from '../support/eventually.ts';
import type { PodObject } from '../support/podWatch.ts';
import type { StackLoad } from '../support/stackLoad.ts';

const never = new AbortController().signal;
const NAME = 'maria';
const POD = `${NAME}-database-0`;

let stack: DatabaseStack;
let load: StackLoad;

const podOf = async (component: string): Promise<PodObject | undefined> => {
  const label = `app.kubernetes.io/instance=${NAME},app.kubernetes.io/component=${component}`;
  return (await stack.cluster.pods(label))[0] as PodObject | undefined;
};
/** Asks the server as the stack does: with the stack's account, verified by the stack's CA. */
async function ask(query: string, login?: Record<string, string>): Promise<RowDataPacket[]> {
  const { username, password } = login ?? (await stack.login());
  const { host, ca } = await stack.server();
  const connection = await createConnection({
    host,
    user: username ?? '',
    password: password ?? '',
    ssl: { ca, verifyIdentity: false },
  });
  const [rows] = await connection.query<RowDataPacket[]>(query);
  await connection.end();
  return rows;
}

beforeAll(async () => {
  stack = await DatabaseStack.start(NAME, '16315558300');
});
afterAll(() => stack?.close());

describe('a stack on a managed MariaDB', () => {
  it('becomes Ready, on a server that its nodes verify', async () => {
    const { status } = await stack.create('Single', { engine: 'MariaDB' }, 180_000);
    expect(status?.database).toMatchObject({ engine: 'MariaDB', ready: true });
    for (const component of ['coreapp', 'webapp'])
      expect((await podOf(component))?.spec.containers[0]?.env).toContainEqual({
        name: 'WA_DB_SSL_CA',
        value: '/opt/certs/db-ca.pem',
      });
    const [sessions] = await ask("SHOW GLOBAL STATUS LIKE 'Ssl_finished_accepts'");
    expect(Number(sessions?.Value)).toBeGreaterThan(1);
    expect(await ask('SELECT @@max_connections AS most, @@character_set_server AS characters')).toEqual([
      { most: 640, characters: 'utf8mb4' },
    ]);
  });

  it('loses no accepted message when the pod of the database is killed, and when it takes another version', async () => {
    load = await stack.load(15);
    await stack.cluster.kubectl('delete', 'pod', POD, '--grace-period=0', '--force');
    await load.flows(100);
    await stack.cluster.ready(NAME);

    await stack.cluster.spec(NAME, { database: { managed: { version: '11.4.8' } } });
    await eventually(async () => {
      const image = (await podOf('database'))?.spec.containers[0]?.image;
      return image === 'docker.io/library/mariadb:11.4.8';
    }, 60_000);
    await stack.cluster.ready(NAME);
    await load.flows(100);

    expect(await load.stop()).toEqual([]);
    expect(load.accepted.length).toBeGreaterThan(200);
  });

  it('takes another password by the commands in its message', async () => {
    const before = await stack.login();
    const password = 'another-password-1';
    const data = { password: Buffer.from(password).toString('base64') };
    const patch = JSON.stringify({ data });
    await stack.cluster.kubectl('patch', 'secret', `${NAME}-database`, '--type=merge', '-p', patch);
    const { message } = await eventually(async () => {
      const found = await stack.cluster.condition(NAME, 'DatabaseReady');
      return found?.reason === 'PasswordEdited' ? found : undefined;
    }, 30_000);
    const [, change = ''] = /and there (ALTER USER .*?); then/.exec(message) ?? [];
    expect(change).toContain("'root'@'localhost'");
    await ask(change.replaceAll('the new password', password), before);
    const [, confirm = ''] = /then kubectl -n default (annotate .*)$/.exec(message) ?? [];
    await stack.cluster.kubectl(...confirm.split(' '));
    await stack.cluster.ready(NAME);
    expect(await ask('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('loses no accepted message while its password is rotated, and takes the old one no more', async () => {
    const before = await stack.login();
    load = await stack.load(15);
    await load.flows(50);
    await stack.cluster.spec(NAME, { database: { managed: { passwordRotation: 'first' } } });
    const rotated = async () => {
      const { status } = await stack.cluster.client.get<WhatsAppDeployment & KubeObject>(
        WhatsAppDeploymentKind,
        'default',
        NAME,
        never,
      );
      return status?.database?.passwordRotation?.completed;
    };
    await eventually(rotated, 180_000);
    await stack.cluster.ready(NAME);
    await load.flows(50);
    expect(await load.stop()).toEqual([]);
    expect(load.accepted.length).toBeGreaterThan(100);
    const now = await stack.login();
    expect([before.username, now.username]).toEqual(['root', 'waba_2']);
    await expect(ask('SELECT 1', before)).rejects.toThrow(/locked|denied/);
    expect(await ask('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const users = await ask('SELECT DISTINCT USER AS user FROM information_schema.PROCESSLIST');
    expect(users.map(({ user }) => user as string)).not.toContain('root');
  });
});

describe('a stack on a managed MySQL', () => {
  it('says that the process node has no program for it', async () => {
    await stack.cluster.apply({
      apiVersion: 'waba-operator.dev/v1alpha1',
      kind: 'WhatsAppDeployment',
      metadata: { name: 'mysql', namespace: 'default' },
      spec: {
        phoneNumber: '+16315558301',
        topology: 'Single',
        database: { managed: { engine: 'MySQL' } },
      },
    } as KubeObject);
    const told = await eventually(async () => {
      const found = await stack.cluster.condition('mysql', 'DatabaseReady');
      return found?.reason === 'ImagePullFailed' ? found : undefined;
    }, 60_000);
    expect(told.message).toContain(
      'the process node has no programs for image docker.io/library/mysql:8.4; it has them for',
    );
  });
});
