import { beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { freePort } from '../../src/base/ports.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type Credentials, kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { generatedSecretsOf } from '../../src/operator/plan/facts/generatedSecrets.ts';
import { names as namesOf } from '../../src/operator/plan/facts/names.ts';
import type { SecretObject } from '../../src/operator/plan/facts/secrets.ts';
import { account, grant } from '../support/accounts.ts';
import { chartRules } from '../support/chartRules.ts';
import { freshNamespace, installCrd, never, testClient, WhatsAppDeploymentKind } from '../support/cluster.ts';
import { type CountedOperator, startCountedOperator } from '../support/countedOperator.ts';
import { eventually } from '../support/eventually.ts';
import { PretendKubelet } from '../support/pretendKubelet.ts';
import { runTestOperator } from '../support/runTestOperator.ts';
import { whatsAppDeployment } from '../support/whatsAppDeployment.ts';

let client: KubeClient;
let upstream: Credentials;

beforeAll(async () => {
  client = await testClient();
  upstream = await kubeconfigCredentials(systemClock, { path: inject('kubeconfig') });
  await installCrd(client);
});

const all = (apiGroups: string[], resources: string[]) => ({ apiGroups, resources, verbs: ['*'] });
const withoutSecrets = [
  all(['waba-operator.dev'], ['*']),
  all(
    ['', 'events.k8s.io'],
    ['configmaps', 'events', 'persistentvolumeclaims', 'pods', 'services', 'serviceaccounts'],
  ),
  all(['apps', 'batch', 'policy', 'networking.k8s.io', 'coordination.k8s.io'], ['*']),
];

const stack = (namespace: string, phoneNumber: string): KubeObject => ({
  apiVersion: WhatsAppDeploymentKind.apiVersion,
  kind: WhatsAppDeploymentKind.kind,
  metadata: { name: 'shop', namespace },
  spec: { phoneNumber },
});

async function conditions(namespace: string) {
  const { status } = await client.get<
    KubeObject & {
      status?: { conditions?: { type: string; status: string; reason: string; message: string }[] };
    }
  >(WhatsAppDeploymentKind, namespace, 'shop', never);
  return status?.conditions ?? [];
}
const specValid = async (namespace: string) =>
  (await conditions(namespace)).find(({ type }) => type === 'SpecValid');

describe('the operator in a namespace that it may not read completely', () => {
  it('changes nothing there, names the missing rule and is not ready; it continues once the rule is added', async () => {
    const namespace = await freshNamespace(client);
    const credentials = await account(client, upstream, namespace, 'operator', withoutSecrets);
    const port = await freePort();
    const errors: string[] = [];
    const stop = new AbortController();
    const running = runTestOperator(
      {
        credentials,
        namespace,
        port,
        logger: { ...silentLogger, error: (message) => void errors.push(message) },
      },
      stop.signal,
    );
    await client.create(stack(namespace, '+16315550777'), { fieldManager: 'test' }, never);
    await eventually(async () => (await specValid(namespace))?.reason === 'NamespaceNotEnabled');
    const rule = `secrets: not allowed in namespace ${namespace}; add to the Role in namespace ${namespace}`;
    expect((await specValid(namespace))?.message).toContain(rule);
    expect(errors.filter((message) => message.startsWith(rule))).not.toEqual([]);
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining(rule)]);
    expect((await client.list(kinds.StatefulSet, { namespace }, never)).items).toEqual([]);

    await grant(client, namespace, 'operator', [...withoutSecrets, all([''], ['secrets'])]);
    await eventually(async () => (await specValid(namespace))?.status === 'True', 90_000);
    await eventually(
      async () => (await client.list(kinds.StatefulSet, { namespace }, never)).items.length > 0,
    );
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    stop.abort();
    await running;
  });
});

/** Removes the labels of every Secret of the operator, and a value that it knows, and waits until they are back. */
async function repairsSecrets(namespace: string, { writes }: CountedOperator): Promise<void> {
  const resource = whatsAppDeployment({ metadata: { namespace } });
  const names = [namesOf('shop').journal, ...generatedSecretsOf(resource).map(({ name }) => name)];
  const read = (name: string) => client.get<SecretObject>(kinds.Secret, namespace, name, never);
  const patch = (name: string, body: object) =>
    client.mergePatch(kinds.Secret, { namespace, name }, body, never);
  for (const name of names) {
    const since = writes.length;
    const wanted = (await read(name)).metadata.labels ?? {};
    await patch(name, { metadata: { labels: null } });
    await eventually(async () => {
      const labels = (await read(name)).metadata.labels ?? {};
      return Object.entries(wanted).every(([key, value]) => labels[key] === value);
    }, 20_000).catch((cause: unknown) => {
      throw new Error(`Secret ${name} got no labels`, { cause });
    });
    const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
    const puts = writes.slice(since).filter((write) => write.path === path && write.method === 'PUT');
    expect([name, puts.some(({ isRefused }) => !isRefused)]).toEqual([name, true]);
  }
  const { data: before } = await read('shop-database');
  await patch('shop-database', { data: { password: null } });
  await eventually(async () => (await read('shop-database')).data?.password === before?.password, 20_000);
}

describe('the operator with the rights that the chart gives with scope Namespaces', () => {
  it('makes, changes, restarts, tells of and deletes all of a stack, and is refused nothing', async () => {
    const namespace = await freshNamespace(client);
    const credentials = await account(client, upstream, namespace, 'operator', await chartRules());
    const kubelet = new PretendKubelet(client, namespace);
    kubelet.start();
    const operator = startCountedOperator(credentials, namespace);
    const where = { namespace, name: 'shop' };
    const spec = (body: object) => client.mergePatch(WhatsAppDeploymentKind, where, { spec: body }, never);
    const condition = async (type: string) => (await conditions(namespace)).find((one) => one.type === type);
    const asked = (method: string, plural: string) =>
      operator.writes.some((write) => write.method === method && write.path.includes(`/${plural}/`));
    try {
      const made = stack(namespace, '+16315550778');
      const nodes = { master: { podTemplate: { sidecars: [{ name: 'helper', image: 'broken:1' }] } } };
      await client.create(
        { ...made, spec: { ...(made.spec as object), deletionPolicy: 'Delete', nodes } },
        { fieldManager: 'test' },
        never,
      );
      await eventually(async () => {
        const { items } = await client.list<KubeObject>(kinds.Pod, { namespace }, never);
        return items.some(({ spec }) => JSON.stringify(spec).includes('broken'));
      }, 90_000);
      // A pod that does not run is restarted at once.
      await spec({ nodes: null });
      await eventually(async () => (await condition('WorkloadsReady'))?.status === 'True', 90_000);
      await repairsSecrets(namespace, operator);
      await client.delete(WhatsAppDeploymentKind, namespace, 'shop', {}, never);
      await eventually(async () => {
        const { items } = await client.list(WhatsAppDeploymentKind, { namespace }, never);
        return items.length === 0;
      }, 60_000);
    } finally {
      await operator.stop();
      await kubelet.stop();
    }
    expect([...operator.forbidden]).toEqual([]);
    for (const [method, plural] of [
      ['PATCH', 'whatsappdeployments'],
      ['PATCH', 'networkpolicies'],
      ['DELETE', 'pods'],
      ['PUT', 'secrets'],
      ['DELETE', 'secrets'],
      ['DELETE', 'persistentvolumeclaims'],
    ] as const)
      expect([method, plural, asked(method, plural)]).toEqual([method, plural, true]);
  });
});
