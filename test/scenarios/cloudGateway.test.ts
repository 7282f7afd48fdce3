import { readFile } from 'node:fs/promises';
import { loadAll } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/base/version.ts';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { clusterProcesses, killProcesses } from '../support/clusterProcesses.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';
import { SimulatedGraph } from '../support/simulatedGraph.ts';
import { stackApi } from '../support/stackLoad.ts';

const never = new AbortController().signal;
const ANA = '16505550001';

let cluster: OperatorCluster;
let graph: SimulatedGraph;

beforeAll(async () => {
  graph = await SimulatedGraph.start({ number: '16315551777', phoneNumberId: '106540352242922' });
  await graph.openWindows(ANA);
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
    expect(graph.network.state.known(graph.number).pin).toBeUndefined();
    const address = await cluster.kubectl(
      ...['get', 'pods', '-l', 'app=cloud-gateway', '-o', 'jsonpath={.items[0].status.podIP}'],
    );
    const callback = { url: `http://${address}:9092/webhook`, verifyToken: '' };
    await graph.network.record({ type: 'graph-app', change: { callback } });
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
    expect(graph.accepted.map(({ opaque }) => opaque)).toEqual([first, second]);
    // A webhook that is not taken is posted again until the gateway is back.
    await graph.settled();
    client.close();
  });
});
