import { readFile } from 'node:fs/promises';
import { load } from 'js-yaml';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { CLUSTER_KINDS } from '../../src/operator/state/stackSources.ts';
import {
  freshNamespace,
  installCrd,
  installDefinition,
  never,
  testClient,
  WhatsAppDeploymentKind,
} from '../support/cluster.ts';
import { type CountedOperator, playKubelet, startCountedOperator } from '../support/countedOperator.ts';
import { eventually } from '../support/eventually.ts';

/** A stack whose database is a Cluster of CloudNativePG, by its real CustomResourceDefinition. Its operator is played. */

const STACK = 'clustered';
const CLUSTER = `${STACK}-db`;
const HEALTHY = {
  phase: 'Cluster in healthy state',
  readyInstances: 3,
  currentPrimary: `${CLUSTER}-1`,
  targetPrimary: `${CLUSTER}-1`,
};
type Stored = KubeObject & {
  status?: { conditions?: { type: string; status: string; reason: string; message: string }[] };
};

let client: KubeClient;
let namespace: string;
let operator: CountedOperator;
const kubelet = new AbortController();

beforeAll(async () => {
  client = await testClient();
  await installCrd(client);
  namespace = await freshNamespace(client);
  const credentials = await kubeconfigCredentials(systemClock, { path: inject('kubeconfig') });
  operator = startCountedOperator(credentials, namespace, ['cloudNativePG']);
  void playKubelet(client, namespace, kubelet.signal);
}, 120_000);

afterAll(async () => {
  await operator.stop();
  kubelet.abort();
});

async function becomes(status: string, reason: string) {
  let last: unknown;
  return eventually(async () => {
    const stored = await client.get<Stored>(WhatsAppDeploymentKind, namespace, STACK, never);
    const found = stored.status?.conditions?.find(({ type }) => type === 'DatabaseReady');
    last = found;
    return found?.status === status && found.reason === reason ? found : undefined;
  }, 90_000).catch((cause: unknown) => {
    throw new Error(`DatabaseReady is ${JSON.stringify(last)}`, { cause });
  });
}

const told = (status: object) =>
  client.transport.request(
    {
      method: 'PATCH',
      path: `/apis/postgresql.cnpg.io/v1/namespaces/${namespace}/clusters/${CLUSTER}/status`,
      contentType: 'application/merge-patch+json',
      body: { status },
    },
    never,
  );

it('waits for the kind, makes the Cluster, tells its state, and survives a failover', async () => {
  const { apiVersion, kind } = WhatsAppDeploymentKind;
  const spec = { phoneNumber: '+16315550877', topology: 'Single', database: { cloudNativePG: {} } };
  const resource = { apiVersion, kind, metadata: { name: STACK, namespace }, spec };
  await client.create(resource, { fieldManager: 'test' }, never);
  expect((await becomes('False', 'KindMissing')).message).toContain('install CloudNativePG');

  const definition = load(await readFile('test/support/crds/cloudNativePG.yaml', 'utf8')) as KubeObject;
  await installDefinition(client, definition);
  await becomes('False', 'ClusterNotServing');
  const made = await eventually(() =>
    client.get(CLUSTER_KINDS.cloudNativePG, namespace, CLUSTER, never).catch(() => undefined),
  );
  expect(made.spec).toMatchObject({ instances: 3, bootstrap: { initdb: { owner: 'waba' } } });
  const ofCluster = () => operator.writes.filter(({ path }) => path.includes('/clusters/'));
  const published = { app: { username: 'waba', password: 'p' }, ca: { 'ca.crt': 'CA' } };
  for (const [part, stringData] of Object.entries(published)) {
    const metadata = { name: `${CLUSTER}-${part}`, namespace };
    await client.create(
      { apiVersion: 'v1', kind: 'Secret', metadata, stringData } as KubeObject,
      { fieldManager: 'test' },
      never,
    );
  }
  await told(HEALTHY);
  expect((await becomes('True', 'Reachable')).message).toContain('3 of 3 instances are ready');

  await told({ ...HEALTHY, phase: 'Failing over', targetPrimary: 'pending' });
  expect((await becomes('False', 'ClusterNotServing')).message).toContain('Failing over');
  const pods = (await client.list(kinds.Pod, { namespace }, never)).items.map(({ metadata }) => metadata.uid);
  await told({ ...HEALTHY, currentPrimary: `${CLUSTER}-2`, targetPrimary: `${CLUSTER}-2` });
  expect((await becomes('True', 'Reachable')).message).toContain(`the primary is ${CLUSTER}-2`);
  const after = (await client.list(kinds.Pod, { namespace }, never)).items.map(
    ({ metadata }) => metadata.uid,
  );
  expect(after).toEqual(expect.arrayContaining(pods));
  // What the server adds by its defaults is nobody's edit.
  expect(ofCluster()).toHaveLength(1);
}, 240_000);
