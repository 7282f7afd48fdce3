import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { hashOf } from '../../src/engine/kube/ownFields.ts';
import { declaredSettings, restartValues } from '../../src/operator/plan/facts/applicationSettings.ts';
import { matchedHashes } from '../../src/operator/plan/facts/journalHashes.ts';
import { tlsMark } from '../../src/operator/plan/facts/managedTls.ts';
import { annotations, type Component, labels, stackLabels } from '../../src/operator/plan/facts/names.ts';
import type { PodView } from '../../src/operator/plan/facts/observed.ts';
import type { WhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';
import { FakeCluster } from './fakeCluster.ts';
import { release, StackModel } from './stackModel.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
/** What the operator generates in the model. */
const PASSWORD = 'x';

/** A cluster with the operator and a registered stack that has settled: what the CLI finds there. */
export function settledCluster(resource: WhatsAppDeployment): FakeCluster {
  const model = new StackModel(resource);
  model.settle();
  const { namespace, name } = resource.metadata;
  const journal = {
    ...model.journal,
    adminPassword: PASSWORD,
    matched: matchedHashes(resource, true),
    settings: { applied: hashOf(restartValues(declaredSettings(resource))) },
    registration: { attempt: 1, phase: 'registered', registeredAt: new Date().toISOString() },
  };
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${name}-journal`, namespace },
    data: { 'journal.json': base64(JSON.stringify(journal)) },
  };
  const children = [...model.children.values()].map((object) => ({
    ...object,
    metadata: { ...object.metadata, namespace },
  }));
  return new FakeCluster(
    { ...resource, status: statusOf(model) },
    ...children,
    ...model.pods.map((pod) => podObject(pod, resource)),
    secret,
    operator(),
  );
}

function statusOf({ pods, resource }: StackModel): object {
  const shards = resource.spec.multiconnect?.shards ?? 1;
  const nodes = pods.flatMap((pod) => {
    if (!['master', 'coreapp'].includes(pod.component)) return [];
    const index = Number(pod.name.split('-').at(-2));
    if (pod.component === 'master')
      return [{ name: pod.name, role: 'Master', ready: true, ...(index === 0 ? { primary: true } : {}) }];
    const owns = index < shards;
    const gatewayStatus = owns ? 'connected' : 'disconnected';
    return [{ name: pod.name, role: 'Coreapp', ready: true, gatewayStatus, shards: owns ? [index] : [] }];
  });
  return { nodes, shards: { desired: shards }, registration: { state: 'Registered' } };
}

const podObject = (pod: PodView, { metadata: { name, namespace } }: WhatsAppDeployment): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: pod.name,
    namespace,
    uid: pod.uid,
    resourceVersion: pod.resourceVersion,
    labels: {
      ...stackLabels(name, pod.component as Component),
      ...(pod.revision ? { 'controller-revision-hash': pod.revision } : {}),
      ...(pod.topology ? { [labels.topology]: pod.topology } : {}),
      ...(pod.version ? { [labels.version]: pod.version } : {}),
    },
    annotations: {
      ...(pod.restarts === undefined ? {} : { [annotations.restarts]: pod.restarts }),
      ...tlsMark(pod.databaseTls),
    },
  },
  status: { podIP: pod.ip, conditions: [{ type: 'Ready', status: 'True' }] },
});

const operator = (): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'waba-operator',
    namespace: 'waba-operator-system',
    labels: { 'app.kubernetes.io/name': 'waba-operator', 'app.kubernetes.io/component': 'operator' },
  },
  spec: {
    template: {
      spec: {
        serviceAccountName: 'waba-operator',
        containers: [{ args: [`--stack-image=${release.stack}`, `--database-image=${release.database}`] }],
      },
    },
  },
});
