import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { decodeSecret, type SecretObject } from '../../src/operator/plan/facts/secrets.ts';
import { readJournal } from '../../src/operator/state/journalStore.ts';
import { startReceiver } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';
import { killOperatorPod } from '../support/operatorInstallation.ts';
import { StackLoad } from '../support/stackLoad.ts';

/** A stack with a spare of each role on the managed PostgreSQL, under load throughout. */
const NAME = 'turns';
const NUMBER = '16315558700';
const PER_SECOND = 8;
const never = new AbortController().signal;

let cluster: OperatorCluster;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let load: StackLoad;

const secret = (name: string) => cluster.client.get<SecretObject>(kinds.Secret, 'default', name, never);
const login = async () => decodeSecret(await secret(`${NAME}-database`));

/** Whether the server lets this account in, as it is asked by the nodes: with TLS, through the Service. */
async function letsIn({ username, password }: Record<string, string>): Promise<boolean> {
  const { 'ca.crt': ca } = decodeSecret(await secret(`${NAME}-database-certificate`));
  const { spec } = await cluster.client.get<KubeObject & { spec: { clusterIP: string } }>(
    kinds.Service,
    'default',
    `${NAME}-database`,
    never,
  );
  const client = new pg.Client({
    host: spec.clusterIP,
    user: username,
    password,
    database: 'postgres',
    // The certificate is for the name of the Service, and this test connects to its address.
    ssl: { ca: ca ?? '', checkServerIdentity: () => undefined },
  });
  try {
    await client.connect();
    return true;
  } catch (error) {
    if (/password authentication failed|not permitted to log in/.test(String(error))) return false;
    throw error;
  } finally {
    await client.end().catch(() => {});
  }
}

beforeAll(async () => {
  receiver = await startReceiver();
  cluster = await OperatorCluster.start();
  await cluster.installOperator();
  await cluster.kubectl('delete', 'wad', 'shop', '--wait=true', '--timeout=60s');
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'hook-ca', namespace: 'default' },
    stringData: { 'ca.crt': receiver.caPem },
  } as KubeObject);
});
afterAll(async () => {
  await cluster?.close();
  await receiver?.close();
});

describe('a stack with spares on a managed PostgreSQL', () => {
  it('becomes Ready, and loses no accepted message when the pod of the database is killed', async () => {
    await cluster.apply({
      apiVersion: 'waba-operator.dev/v1alpha1',
      kind: 'WhatsAppDeployment',
      metadata: { name: NAME, namespace: 'default' },
      spec: {
        phoneNumber: `+${NUMBER}`,
        topology: 'HighAvailability',
        database: { managed: {} },
        settings: { webhooks: { message: { sent: true, delivered: true } } },
        webhook: { url: receiver.url, caSecretRef: { name: 'hook-ca', key: 'ca.crt' } },
      },
    } as KubeObject);
    await cluster.ready(NAME, 240_000);
    load = await StackLoad.start({ cluster, name: NAME, number: NUMBER, receiver, perSecond: PER_SECOND });
    await cluster.kubectl('delete', 'pod', `${NAME}-database-0`, '--grace-period=0', '--force');
    await load.flows(50);
    await cluster.ready(NAME, 120_000);
  }, 420_000);

  it('rotates the password while the operator is killed in each step, and loses no accepted message', async () => {
    const before = await login();
    await cluster.spec(NAME, { database: { managed: { passwordRotation: 'first' } } });
    const killedIn: string[] = [];
    await eventually(async () => {
      const { passwordRotation } = readJournal(await secret(`${NAME}-journal`));
      const { phase = 'none', completedAtMs } = passwordRotation ?? {};
      if (!['none', 'Done'].includes(phase) && killedIn.at(-1) !== phase && (await killOperatorPod(cluster)))
        killedIn.push(phase);
      return completedAtMs !== undefined;
    }, 480_000);
    await cluster.ready(NAME, 120_000);
    await load.flows(50);
    expect(await load.stop()).toEqual([]);
    process.stderr.write(
      `rotation: ${load.accepted.length} accepted, refused ${JSON.stringify(load.refused)}, ${load.leftOut} left out\n`,
    );
    expect(killedIn).toEqual(['Preparing', 'Switching', 'Retiring']);
    const now = await login();
    expect([before.username, now.username]).toEqual(['waba', 'waba_2']);
    expect(await letsIn(before)).toBe(false);
    expect(await letsIn(now)).toBe(true);
  }, 660_000);
});
