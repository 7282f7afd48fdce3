import { readFile } from 'node:fs/promises';
import { loadAll } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { isNotFound } from '../../src/engine/kube/apiError.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import { type KubeObject, kinds, type ResourceKind } from '../../src/engine/kube/kubeObject.ts';
import { labels, selectorLabels } from '../../src/operator/plan/facts/names.ts';
import { OPTIONAL_KINDS } from '../../src/operator/state/stackSources.ts';
import { administratorClient } from '../support/administratorClient.ts';
import {
  freshNamespace,
  installCrd,
  installDefinition,
  never,
  WhatsAppDeploymentKind,
} from '../support/cluster.ts';
import { type CountedOperator, playKubelet, startCountedOperator } from '../support/countedOperator.ts';
import { eventually } from '../support/eventually.ts';
import { certificateDefinition, podMonitorDefinition } from '../support/otherOperators.ts';
import { seeCertificate } from '../support/seeCertificate.ts';
import { startTestControlPlane, type TestControlPlane } from '../support/testControlPlane.ts';

/** What holds up a stack that runs: told at once, and mended by itself when the cause goes. */

const STACK = 'shop';
interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** Of this file alone, which sees what happens before a kind is there. */
let plane: TestControlPlane;
let client: KubeClient;
let namespace: string;
let operator: CountedOperator;
const kubelet = new AbortController();

beforeAll(async () => {
  plane = await startTestControlPlane();
  const { kubeconfigPath: path } = plane.controlPlane;
  client = await administratorClient(path);
  await installCrd(client);
  for (const definition of [podMonitorDefinition, certificateDefinition])
    await installDefinition(client, definition);
  namespace = await freshNamespace(client);
  const credentials = await kubeconfigCredentials(systemClock, { path });
  operator = startCountedOperator(credentials, namespace);
  void playKubelet(client, namespace, kubelet.signal);
  const { apiVersion, kind } = WhatsAppDeploymentKind;
  const spec = { phoneNumber: '+16315550831', topology: 'HighAvailability' };
  await client.create(
    { apiVersion, kind, metadata: { name: STACK, namespace }, spec },
    { fieldManager: 'test' },
    never,
  );
  await becomes('WorkloadsReady', { status: 'True' });
}, 240_000);

afterAll(async () => {
  await operator.stop();
  kubelet.abort();
  await plane.close();
});

const patch = (spec: object) =>
  client.mergePatch(WhatsAppDeploymentKind, { namespace, name: STACK }, { spec }, never);

async function becomes(type: string, wanted: Partial<Condition>): Promise<Condition> {
  let last: Condition | undefined;
  const isThere = async () => {
    const { status } = await client.get<KubeObject & { status?: { conditions?: Condition[] } }>(
      WhatsAppDeploymentKind,
      namespace,
      STACK,
      never,
    );
    last = status?.conditions?.find((condition) => condition.type === type);
    const fields = Object.entries(wanted) as [keyof Condition, string][];
    return fields.every(([field, value]) => last?.[field] === value) ? last : undefined;
  };
  return eventually(isThere, 90_000).catch((cause: unknown) => {
    throw new Error(`${type} is ${JSON.stringify(last)}`, { cause });
  });
}

const exists = (kind: ResourceKind, name: string): Promise<boolean> =>
  client.get(kind, namespace, name, never).then(
    () => true,
    (error: unknown) => {
      if (isNotFound(error)) return false;
      throw error;
    },
  );

const optional = (kind: string): ResourceKind => {
  const known = OPTIONAL_KINDS.find((candidate) => candidate.kind === kind);
  if (!known) throw new Error(`${kind} is no optional kind`);
  return known;
};

describe('a change that the API server refuses', () => {
  it('is told, and is not sent again with each event', async () => {
    const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } };
    const since = operator.writes.length;
    await patch({ nodes: { webapp: { podTemplate: { affinity: { nodeAffinity } } } } });
    const { message } = await becomes('WorkloadsReady', { status: 'False', reason: 'Invalid' });
    expect(message).toContain('nodeSelectorTerms');
    const [pod] = (
      await client.list(kinds.Pod, { namespace, labelSelector: `${labels.component}=webapp` }, never)
    ).items;
    for (let event = 0; event < 20; event++)
      await client.mergePatch(
        kinds.Pod,
        { namespace, name: pod?.metadata.name ?? '' },
        { metadata: { annotations: { event: String(event) } } },
        never,
      );
    // Another change shows that the operator has seen all of them.
    await patch({ service: { annotations: { seen: 'all' } } });
    await eventually(
      async () =>
        (await client.get(kinds.Service, namespace, `${STACK}-webapp`, never)).metadata.annotations?.seen,
    );
    const refused = operator.writes
      .slice(since)
      .filter(({ path, isRefused }) => isRefused && path.endsWith(`/deployments/${STACK}-webapp`));
    // At once, and after 2, 4, 8, 16 and 30 seconds.
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(8);
    await patch({ nodes: null, service: null });
    await becomes('WorkloadsReady', { status: 'True' });
  });
});

describe('the pod of another program with the labels of a role', () => {
  it('gets no traffic and holds up no eviction', async () => {
    await client.create(
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'stranger', namespace, labels: selectorLabels(STACK, 'webapp') },
        spec: { schedulerName: 'nobody', containers: [{ name: 'a', image: 'a' }] },
      },
      { fieldManager: 'helm' },
      never,
    );
    const { spec } = await client.get(kinds.Service, namespace, `${STACK}-webapp`, never);
    const labelSelector = Object.entries((spec as { selector: object }).selector)
      .map((pair) => pair.join('='))
      .join();
    const selected = await client.list(kinds.Pod, { namespace, labelSelector }, never);
    expect(selected.items).toHaveLength(2);
    expect(selected.items.map(({ metadata }) => metadata.name)).not.toContain('stranger');
    await eventually(async () => {
      const budget = await client.get<
        KubeObject & { status?: { expectedPods?: number; disruptionsAllowed?: number } }
      >(kinds.PodDisruptionBudget, namespace, `${STACK}-webapp`, never);
      return budget.status?.expectedPods === 2 && budget.status.disruptionsAllowed === 1;
    });
    await client.delete(kinds.Pod, namespace, 'stranger', { gracePeriodSeconds: 0 }, never);
  });
});

describe('a pod that lost the label of the operator', () => {
  it('is told with the command that gives it back', async () => {
    const name = `${STACK}-master-0-0`;
    const label = (value: string | null) =>
      client.mergePatch(
        kinds.Pod,
        { namespace, name },
        { metadata: { labels: { 'app.kubernetes.io/managed-by': value } } },
        never,
      );
    await label(null);
    const { message } = await becomes('WorkloadsReady', { status: 'False', reason: 'PodsNotReady' });
    expect(message).toContain(
      'label pod -l app.kubernetes.io/instance=shop,app.kubernetes.io/component=master',
    );
    await label('waba-operator');
    await becomes('WorkloadsReady', { status: 'True' });
  });
});

describe('objects for other operators', () => {
  it('go when the resource no longer declares them', async () => {
    await patch({ monitoring: { podMonitor: true }, tls: { issuerRef: { name: 'ca', kind: 'Issuer' } } });
    const there = async () =>
      Promise.all(
        [optional('PodMonitor'), optional('Certificate')].map((kind) =>
          exists(kind, kind.kind === 'Certificate' ? `${STACK}-tls` : STACK),
        ),
      );
    await eventually(async () => (await there()).every(Boolean));
    await patch({ monitoring: null, tls: null });
    await eventually(async () => !(await there()).some(Boolean));
  });
});

describe('the way in from outside the cluster', () => {
  const parents = [{ name: 'public', namespace: 'infra' }];
  const hostnames = ['api.shop.example'];

  it('is told once while the cluster does not serve the kind, and comes when it does', async () => {
    await patch({ exposure: { tlsRoute: { parents, hostnames } } });
    const { message } = await becomes('Exposed', { status: 'False', reason: 'KindMissing' });
    expect(message).toContain('the cluster does not serve gateway.networking.k8s.io/v1 TLSRoute');
    await becomes('WorkloadsReady', { status: 'True' });
    for (const definition of loadAll(await readFile('test/gateway-api/crds.yaml', 'utf8')))
      await installDefinition(client, definition as KubeObject);
    await becomes('Exposed', { status: 'False', reason: 'Pending' });
    expect(await exists(optional('TLSRoute'), STACK)).toBe(true);
    const { items } = await client.list<KubeObject & { reason?: string }>(kinds.Event, { namespace }, never);
    expect(items.filter(({ reason }) => reason === 'KindMissing')).toHaveLength(1);
  });

  it('repeats what a Gateway says about the route', async () => {
    const route = await client.get(optional('TLSRoute'), namespace, STACK, never);
    const condition = {
      type: 'Accepted',
      status: 'False',
      reason: 'NoMatchingListenerHostname',
      message: 'no listener has this host name',
      observedGeneration: route.metadata.generation,
      lastTransitionTime: new Date().toISOString(),
    };
    const [parentRef] = parents;
    const status = {
      parents: [{ controllerName: 'example.org/gateway', parentRef, conditions: [condition] }],
    };
    await client.mergePatch(
      optional('TLSRoute'),
      { namespace, name: STACK, subresource: 'status' },
      { status },
      never,
    );
    const { message } = await becomes('Exposed', { status: 'False', reason: 'NotAccepted' });
    expect(message).toContain('Accepted=False NoMatchingListenerHostname: no listener has this host name');
  });

  it('changes with the field, as the real schemas take it, and goes with it', async () => {
    await patch({ exposure: { tlsRoute: null, httpRoute: { parents } } });
    await becomes('Exposed', { status: 'False', reason: 'NoCertificateYet' });
    await eventually(async () => !(await exists(optional('TLSRoute'), STACK)));
    await seeCertificate(client, namespace, STACK);
    const ofRoute = async () =>
      Promise.all([
        exists(optional('HTTPRoute'), STACK),
        exists(optional('BackendTLSPolicy'), STACK),
        exists(kinds.ConfigMap, `${STACK}-webapp-ca`),
      ]);
    await becomes('Exposed', { status: 'False', reason: 'Pending' });
    await eventually(async () => (await ofRoute()).every(Boolean));
    await patch({ exposure: { httpRoute: null, ingress: { hostnames } } });
    await becomes('Exposed', { status: 'True', reason: 'Accepted' });
    expect(await exists(optional('Ingress'), STACK)).toBe(true);
    expect(await exists(kinds.ConfigMap, `${STACK}-webapp-ca`)).toBe(true);
    await patch({ exposure: null });
    await becomes('Exposed', { status: 'True', reason: 'NotConfigured' });
    await eventually(
      async () => ![...(await ofRoute()), await exists(optional('Ingress'), STACK)].some(Boolean),
    );
  });

  it('is settled with NetworkPolicies of every kind', async () => {
    const networkPolicy = { enabled: true, allowFrom: [], egress: [] };
    await patch({ networkPolicy });
    const there = async () =>
      (await client.list(kinds.NetworkPolicy, { namespace }, never)).items
        .map(({ metadata }) => metadata.name)
        .filter((name) => name.startsWith(STACK))
        .sort();
    const names = ['database-access', 'egress', 'node-access', 'webapp-access'].map(
      (part) => `${STACK}-${part}`,
    );
    await eventually(async () => (await there()).join() === names.join());
    await patch({ networkPolicy: { enabled: false, allowFrom: null, egress: null } });
    await eventually(async () => (await there()).length === 0);
    await patch({ networkPolicy: null });
    await becomes('WorkloadsReady', { status: 'True' });
  });
});

describe('a Secret of the stack that somebody deleted', () => {
  it.each(['keys', 'admin', 'database'])(
    'is named (%s), and nothing goes on until it is back',
    async (part) => {
      const name = `${STACK}-${part}`;
      const { metadata, ...content } = await client.get<KubeObject>(kinds.Secret, namespace, name, never);
      await client.delete(kinds.Secret, namespace, name, {}, never);
      const { message } = await becomes('DatabaseReady', { status: 'False', reason: 'SecretLost' });
      expect(message).toContain(`Secret ${name} `);
      const restored = { name, namespace, labels: metadata.labels ?? {} };
      await client.create({ ...content, metadata: restored }, { fieldManager: 'backup' }, never);
      await becomes('DatabaseReady', { status: 'True' });
    },
  );
});

describe('the media claim that somebody deleted', () => {
  it('is told at once, with the pods that hold it', async () => {
    const name = `${STACK}-media`;
    // Kubernetes protects the claim only while a pod on a node uses it, and no pod here is on a node.
    const hold = (finalizers: readonly string[]) =>
      client.mergePatch(
        kinds.PersistentVolumeClaim,
        { namespace, name },
        { metadata: { finalizers } },
        never,
      );
    await hold(['example.org/in-use']);
    await client.delete(kinds.PersistentVolumeClaim, namespace, name, {}, never);
    const { message } = await becomes('WorkloadsReady', { status: 'False', reason: 'ClaimTerminating' });
    expect(message).toContain(`PersistentVolumeClaim ${namespace}/${STACK}-media is being deleted`);
    expect(message).toContain(`${STACK}-master-0-0`);
    expect(message).not.toMatch(/kubectl delete/);
    await hold([]);
  });
});
