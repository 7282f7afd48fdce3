import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { WhatsAppDeploymentKind } from '../../src/operator/state/stackSources.ts';
import { cloudSpec } from '../support/cloudSpec.ts';
import { clusterProcesses, killProcesses } from '../support/clusterProcesses.ts';
import { startReceiver } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';
import { SimulatedGraph } from '../support/simulatedGraph.ts';
import { stackApi } from '../support/stackLoad.ts';

const never = new AbortController().signal;
const NAME = 'cloudy';
const ANA = '16505550001';
const WEBHOOK_URL = 'https://hooks.example.com/cloudy/webhook';

let cluster: OperatorCluster;
let graph: SimulatedGraph;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
/** Where the proxy of the webhook leads. */
let gatewayAddress = '';

const secret = (name: string, stringData: Record<string, string>) =>
  cluster.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
    stringData,
  } as KubeObject);
const meta = () => secret('meta', { accessToken: graph.token, appSecret: graph.appSecret });
const gatewayPods = () =>
  cluster.pods('app.kubernetes.io/instance=cloudy,app.kubernetes.io/component=gateway');

/** Follows the pod of the gateway, as a proxy in front of its Service does. */
async function findGateway(): Promise<void> {
  const [pod] = await gatewayPods();
  gatewayAddress = pod?.status?.podIP ?? gatewayAddress;
}

beforeAll(async () => {
  const { phoneNumberId, businessAccountId } = cloudSpec();
  graph = await SimulatedGraph.start({
    ...{ number: '16315551777', phoneNumberId, businessAccountId },
    route: (url) => url.replace(WEBHOOK_URL, `http://${gatewayAddress}:9092/cloudy/webhook`),
  });
  await graph.openWindows(ANA);
  receiver = await startReceiver();
  cluster = await OperatorCluster.start();
  await cluster.installOperator();
});
afterAll(async () => {
  await cluster?.close();
  await receiver?.close();
  await graph?.close();
});

const condition = async (type: string) => {
  const { status, reason } = (await cluster.condition(NAME, type)) ?? {};
  return `${status}/${reason}`;
};

describe('a stack with the Cloud API behind it', () => {
  it('comes up from apply to Ready, with its webhook subscribed and its number registered', {
    timeout: 300_000,
  }, async () => {
    await meta();
    await secret('hook-ca', { 'ca.crt': receiver.caPem });
    await cluster.apply({
      apiVersion: 'waba-operator.dev/v1alpha1',
      kind: 'WhatsAppDeployment',
      metadata: { name: NAME, namespace: 'default' },
      spec: {
        phoneNumber: `+${graph.number}`,
        topology: 'Single',
        stack: 'Cloud',
        cloud: cloudSpec({ graphUrl: graph.url, webhook: { url: WEBHOOK_URL } }),
        webhook: { url: receiver.url, caSecretRef: { name: 'hook-ca' } },
      },
    });
    await eventually(async () => {
      await findGateway();
      return gatewayAddress !== '';
    }, 120_000);
    const { status } = await cluster.ready(NAME, 180_000);
    expect(status?.registration?.state).toBe('Registered');
    expect(graph.callback()).toBe(WEBHOOK_URL);
    expect(graph.known.pin).toBeUndefined();
    expect(await condition('TokenValid')).toBe('True/Valid');
    expect(await condition('WebhookSubscribed')).toBe('True/Subscribed');
    expect(await condition('NumberHealthy')).toBe('True/Healthy');
    expect((await cluster.condition(NAME, 'BuildCurrent'))?.message).toContain('v26.0');
  });

  it('sends messages, and tells their statuses and what people write', { timeout: 120_000 }, async () => {
    const { client, login } = await stackApi(cluster, NAME);
    const id = await client.messages.sendText(await login(), ANA, 'Hello', never);
    await eventually(() => receiver.statuses(id).includes('delivered'), 60_000);
    expect(graph.accepted.map(({ opaque }) => opaque)).toEqual([id]);
    await graph.say(ANA, { type: 'text', text: 'Is it open?' });
    await eventually(() => JSON.stringify(receiver.received).includes('Is it open?'), 60_000);
    client.close();
  });

  it('says that the token is refused, loses nothing, and goes on with another one, in the same pod', {
    timeout: 240_000,
  }, async () => {
    const before = (await gatewayPods()).map(({ metadata }) => metadata.uid);
    await graph.setToken('token-2');
    await eventually(async () => (await condition('TokenValid')) === 'False/TokenRefused', 120_000);
    expect((await cluster.condition(NAME, 'TokenValid'))?.message).toContain('Secret meta');
    await eventually(async () => (await condition('Ready')) === 'False/TokenRefused', 30_000);
    const { client, login } = await stackApi(cluster, NAME);
    const sent = graph.accepted.length;
    const id = await client.messages.sendText(await login(), ANA, 'Later', never);
    await meta();
    await eventually(() => graph.accepted.length === sent + 1, 120_000);
    await eventually(() => receiver.statuses(id).includes('delivered'), 60_000);
    await cluster.ready(NAME, 120_000);
    expect((await gatewayPods()).map(({ metadata }) => metadata.uid)).toEqual(before);
    client.close();
  });

  it('takes webhooks with another app secret, in the same pod', { timeout: 240_000 }, async () => {
    const before = (await gatewayPods()).map(({ metadata }) => metadata.uid);
    await graph.setAppSecret('another-app-secret');
    // Refused with the secret from before, it is posted again until the gateway has the other one.
    await graph.say(ANA, { type: 'text', text: 'Still there?' });
    await meta();
    await eventually(() => JSON.stringify(receiver.received).includes('Still there?'), 150_000);
    expect((await gatewayPods()).map(({ metadata }) => metadata.uid)).toEqual(before);
  });

  it('goes on in another pod with the same journal when the machine of the gateway is lost', {
    timeout: 240_000,
  }, async () => {
    const [lost] = await gatewayPods();
    const { client, login } = await stackApi(cluster, NAME);
    const session = await login();
    const sent = graph.accepted.length;
    killProcesses(clusterProcesses(cluster.cluster).filter(({ pod }) => pod === 'cloudy-gateway-0'));
    // What Kubernetes does with the pods of a machine that somebody declares out of service.
    await cluster.kubectl('delete', 'pod', 'cloudy-gateway-0', '--force', '--grace-period=0');
    const id = await client.messages.sendText(session, ANA, 'In the dark', never);
    await eventually(async () => {
      const [pod] = await gatewayPods();
      return pod !== undefined && pod.metadata.uid !== lost?.metadata.uid && pod.status?.podIP !== undefined;
    }, 120_000);
    await findGateway();
    await eventually(() => receiver.statuses(id).includes('delivered'), 120_000);
    expect(graph.accepted.length).toBe(sent + 1);
    await cluster.ready(NAME, 120_000);
    client.close();
  });

  it('leaves nothing subscribed when it is deleted', { timeout: 180_000 }, async () => {
    expect(graph.isSubscribed).toBe(true);
    await cluster.kubectl('delete', 'whatsappdeployment', NAME, '--wait=false');
    await eventually(() => !graph.isSubscribed, 60_000);
    await eventually(
      async () =>
        (await cluster.client.get(WhatsAppDeploymentKind, 'default', NAME, never).catch(() => undefined)) ===
        undefined,
      60_000,
    );
    await eventually(async () => (await gatewayPods()).length === 0, 60_000);
    const claims = await cluster.client.list<KubeObject>(
      kinds.PersistentVolumeClaim,
      { namespace: 'default', labelSelector: 'app.kubernetes.io/component=gateway' },
      never,
    );
    // deletionPolicy Retain keeps what waits.
    expect(claims.items.map(({ metadata }) => metadata.name)).toEqual(['cloudy-gateway']);
  });
});
