import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { WhatsAppDeploymentKind } from '../../src/operator/state/stackSources.ts';
import { startReceiver } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';

/** New stacks, one after the other: the race that they look for showed in four of six, and `npm run soak` makes six. */
const STACKS = Number(process.env.FRESH_STACKS ?? 2);
const never = new AbortController().signal;

let cluster: OperatorCluster;
let receiver: Awaited<ReturnType<typeof startReceiver>>;

const secret = (name: string, stringData: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'default' },
  stringData,
});

beforeAll(async () => {
  receiver = await startReceiver();
  cluster = await OperatorCluster.start();
  await cluster.installOperator();
  await cluster.apply(secret('hook-ca', { 'ca.crt': receiver.caPem }));
  await cluster.apply(secret('agent', { password: 'Planted-agent-1\n' }));
});
afterAll(async () => {
  await cluster?.close();
  await receiver?.close();
});

describe('a new stack whose settings restart its only Coreapp at once', () => {
  it.each(Array.from({ length: STACKS }, (_, index) => index))(
    'registers with one request of a code, and without help (%i)',
    { timeout: 240_000 },
    async (index) => {
      const name = `fresh-${index}`;
      const number = `1631555820${index}`;
      await cluster.apply({
        apiVersion: 'waba-operator.dev/v1alpha1',
        kind: 'WhatsAppDeployment',
        metadata: { name, namespace: 'default' },
        spec: {
          phoneNumber: `+${number}`,
          topology: 'Single',
          settings: { callbackPersist: false },
          users: [{ name: 'agent', passwordSecretRef: { name: 'agent' } }],
          webhook: { url: receiver.url, caSecretRef: { name: 'hook-ca' } },
        },
      });
      const { status } = await cluster.ready(name, 180_000);
      expect(status?.registration).toMatchObject({ state: 'Registered' });
      expect(await cluster.number(number)).toMatchObject({ registrations: 1, codeRequests: 1 });

      // What spec no longer declares leaves the stack.
      await cluster.spec(name, { webhook: null });
      await eventually(
        async () => (await cluster.condition(name, 'WebhookReady'))?.reason === 'NotConfigured',
        120_000,
      );
      await cluster.ready(name, 120_000);
      await cluster.client.delete(WhatsAppDeploymentKind, 'default', name, {}, never);
    },
  );
});
