import { readFile } from 'node:fs/promises';
import { loadAll } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/base/version.ts';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { clusterProcesses, killProcesses } from '../support/clusterProcesses.ts';
import { eventually } from '../support/eventually.ts';
import { GraphDouble } from '../support/graphDouble.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';
import { stackApi } from '../support/stackLoad.ts';

const never = new AbortController().signal;
const ANA = '16505550001';

let cluster: OperatorCluster;
let graph: GraphDouble;

beforeAll(async () => {
  graph = await GraphDouble.start({ number: '16315551777' });
  cluster = await OperatorCluster.start();
  await cluster.installOperator();
});
afterAll(async () => {
  await cluster?.close();
  await graph?.close();
});

/** The objects of examples/cloud-gateway.yaml, with the ids and addresses of this test. */
async function exampleObjects(): Promise<KubeObject[]> {
  const text = (await readFile('examples/cloud-gateway.yaml', 'utf8'))
    .replace(/waba-stack:[0-9.]+/, `waba-stack:${VERSION}`)
    // Only a test has a Cloud API of its own. It knows the addresses of pods, and no names of Services.
    .replace(/\{name: WABA_CLOUD_WEBHOOK_URL, .*/, `{name: WABA_CLOUD_GRAPH_URL, value: "${graph.url}"}`)
    .replace('the token of a system user', graph.token)
    .replace('the secret of the app', graph.appSecret)
    .replace('+16315551000', `+${graph.number}`)
    .replace('name: shop', 'name: bridge');
  return (loadAll(text) as KubeObject[]).map((object) => ({
    ...object,
    metadata: { ...object.metadata, namespace: 'default' },
  }));
}

describe('a stack in a cluster with the Cloud API behind it', () => {
  it('is Ready without a code, because the number is connected', async () => {
    for (const object of await exampleObjects()) await cluster.apply(object);
    const { status } = await cluster.ready('bridge', 180_000);
    expect(status?.registration?.state).toBe('Registered');
    expect(graph.pins).toEqual([]);
    const address = await cluster.kubectl(
      ...['get', 'pods', '-l', 'app=cloud-gateway', '-o', 'jsonpath={.items[0].status.podIP}'],
    );
    graph.subscription = { url: `http://${address}:9092/webhook`, verifyToken: '' };
  });

  it('delivers messages in order also when the gateway dies, and takes their statuses', {
    timeout: 180_000,
  }, async () => {
    const { client, login } = await stackApi(cluster, 'bridge');
    const session = await login();
    const first = await client.messages.sendText(session, ANA, 'One', never);
    await eventually(() => graph.accepted.length === 1, 60_000);
    await killProcesses(
      clusterProcesses(cluster.cluster).filter(({ pod }) => pod.startsWith('cloud-gateway')),
    );
    const second = await client.messages.sendText(session, ANA, 'Two', never);
    await eventually(() => graph.accepted.length === 2, 120_000);
    expect(graph.accepted.map(({ message }) => message.biz_opaque_callback_data)).toEqual([first, second]);
    // A webhook that is not taken is posted again until the gateway is back.
    await graph.settled();
    client.close();
  });
});
