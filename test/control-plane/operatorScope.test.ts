import { beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { freePort } from '../../src/base/ports.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type Credentials, kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { runOperator } from '../../src/operator/operator.ts';
import { account, grant } from '../support/accounts.ts';
import { freshNamespace, installCrd, never, testClient, WhatsAppDeploymentKind } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';

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
  all(['apps', 'batch', 'policy', 'coordination.k8s.io'], ['*']),
];

const stack = (namespace: string, phoneNumber: string): KubeObject => ({
  apiVersion: WhatsAppDeploymentKind.apiVersion,
  kind: WhatsAppDeploymentKind.kind,
  metadata: { name: 'shop', namespace },
  spec: { phoneNumber },
});

async function specValid(namespace: string) {
  const { status } = await client.get<
    KubeObject & {
      status?: { conditions?: { type: string; status: string; reason: string; message: string }[] };
    }
  >(WhatsAppDeploymentKind, namespace, 'shop', never);
  return status?.conditions?.find(({ type }) => type === 'SpecValid');
}

describe('the operator in a namespace that it may not read completely', () => {
  it('changes nothing there, names the missing rule and is not ready; it continues once the rule is added', async () => {
    const namespace = await freshNamespace(client);
    const credentials = await account(client, upstream, namespace, 'operator', withoutSecrets);
    const port = await freePort();
    const errors: string[] = [];
    const stop = new AbortController();
    const running = runOperator(
      {
        credentials,
        version: 'test',
        release: { stack: 'waba-stack:test', database: 'postgres' },
        namespaces: [namespace],
        installation: { namespace, name: 'operator' },
        health: { host: '127.0.0.1', port },
        clock: systemClock,
        random: Math.random,
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
