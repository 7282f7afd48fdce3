import { describe, expect, it } from 'vitest';
import { podView } from '../../../../test/support/podView.ts';
import { NOW_MS, release, StackModel } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { planWorkloads } from '../decide/workloads.ts';
import type { Clue, Observed, PodProblem, PodView } from '../facts/observed.ts';
import { questionsOf } from './questions.ts';
import { nextTroubleMs, troubleOf } from './troubles.ts';

const settled = () => {
  const model = new StackModel(whatsAppDeployment({ spec: {} }));
  model.settle();
  return model;
};
const webapps = (model: StackModel, changes: Partial<PodView>): PodView[] =>
  model.pods.map((pod) => (pod.component === 'webapp' ? { ...pod, ready: false, ...changes } : pod));
const problem = (reason: PodProblem['reason'], secondsAgo: number): PodProblem => ({
  reason,
  text: 'what Kubernetes says',
  sinceMs: NOW_MS - secondsAgo * 1000,
});
const verdictOf = (observed: Observed, type: string) =>
  planWorkloads(observed, release)
    .steps.map(({ verdict }) => verdict)
    .find((verdict) => verdict.type === type);
const judge = (type: string, changes: Partial<Observed>, model = settled()) =>
  verdictOf(model.observed(changes), type);
const clues = (uid: string, clue: Clue) => new Map([[uid, clue]]);
const inFuture = (seconds: number) => NOW_MS + seconds * 1000;

describe('what keeps a stack from running', () => {
  it('is the reason once it has lasted, and only mentioned before', () => {
    const model = settled();
    const young = judge(
      'WorkloadsReady',
      { pods: webapps(model, { problem: problem('Unschedulable', 5) }) },
      model,
    );
    expect(young).toMatchObject({ status: 'False', reason: 'PodsNotReady' });
    expect(young?.message).toContain('what Kubernetes says');
    const old = { pods: webapps(model, { problem: problem('Unschedulable', 30) }) };
    expect(judge('WorkloadsReady', old, model)).toMatchObject({ reason: 'Unschedulable' });
    const when = nextTroubleMs(
      model.observed({ pods: webapps(model, { problem: problem('Unschedulable', 5) }) }),
    );
    expect(when).toBe(inFuture(25));
  });

  it('is a pod without the label of the operator, which its Deployment or StatefulSet still counts', () => {
    for (const component of ['webapp', 'coreapp']) {
      const model = settled();
      const [lost] = model.pods.filter((pod) => pod.component === component);
      const told = judge('WorkloadsReady', { pods: model.pods.filter((pod) => pod !== lost) }, model);
      expect(told?.message).toContain(
        `kubectl -n default label pod -l app.kubernetes.io/instance=shop,app.kubernetes.io/component=${component} --overwrite app.kubernetes.io/managed-by=waba-operator`,
      );
    }
    const model = settled();
    expect(judge('WorkloadsReady', { pods: webapps(model, {}) }, model)?.message).not.toContain('label');
  });

  it('is told for the pods of the shared network too', () => {
    const model = settled();
    const pod = podView({ name: 'waba-network-1', component: 'network', ready: false });
    const network = model.children.get('Deployment/waba-network') as KubeObject;
    const children = new Map(model.children).set('Deployment/waba-network', {
      ...network,
      status: { observedGeneration: 99, replicas: 1, updatedReplicas: 1 },
    });
    const sharedPods = [{ ...pod, problem: problem('ImagePullFailed', 60) }];
    expect(judge('WorkloadsReady', { sharedPods, children }, model)).toMatchObject({
      status: 'False',
      reason: 'ImagePullFailed',
      message: 'Deployment/waba-network has not settled yet; Pod waba-network-1: what Kubernetes says',
    });
  });

  it('is nothing while all pods are ready: an evicted one was replaced', () => {
    const model = settled();
    const gone = podView({ name: 'shop-webapp-0', component: 'webapp', ready: false });
    const pods = [...model.pods, { ...gone, problem: problem('Evicted', 60) }];
    expect(judge('WorkloadsReady', { pods }, model)?.status).toBe('True');
  });

  it('is the answer to the Deployment that cannot create its pods, though the old ones serve', () => {
    const model = settled();
    const message = 'pods "shop-webapp-1" is forbidden: exceeded quota: small, requested: pods=1';
    const children = new Map(model.children);
    const webapp = children.get('Deployment/shop-webapp') as KubeObject;
    children.set('Deployment/shop-webapp', {
      ...webapp,
      status: {
        observedGeneration: 99,
        replicas: 2,
        updatedReplicas: 0,
        availableReplicas: 2,
        conditions: [
          { type: 'ReplicaFailure', status: 'True', message, lastTransitionTime: '2026-03-01T11:00:00Z' },
        ],
      },
    });
    expect(judge('WorkloadsReady', { children }, model)).toMatchObject({
      status: 'False',
      reason: 'QuotaExceeded',
      message: `Deployment/shop-webapp has not settled yet; Deployment shop-webapp cannot create its pod: ${message}`,
    });
  });

  it('is found out by a question for a StatefulSet without its pod, and for a claim without its volume', () => {
    const model = settled();
    const set = model.children.get('StatefulSet/shop-master-0') as KubeObject;
    const claim = {
      ...(model.children.get('PersistentVolumeClaim/shop-media') as KubeObject),
      metadata: { name: 'shop-media', namespace: 'default', uid: 'c', labels: set.metadata.labels },
      spec: { storageClassName: 'fast' },
      status: { phase: 'Pending' },
    } as KubeObject;
    const children = new Map(model.children).set('PersistentVolumeClaim/shop-media', claim);
    const pods = model.pods.filter(({ name }) => name !== 'shop-master-0-0');
    const asked = questionsOf(model.observed({ pods, children }));
    expect(asked.map(({ name, ask }) => [name, ask]).sort()).toEqual([
      ['shop-master-0', 'warnings'],
      ['shop-media', 'warnings'],
    ]);
    expect(questionsOf(settled().observed())).toEqual([]);
    const answer = clues('c', { warnings: [{ reason: 'ProvisioningFailed', message: '"fast" not found' }] });
    expect(troubleOf(model.observed({ pods, children, clues: answer }), () => true)).toMatchObject({
      reason: 'ClaimUnbound',
      text: 'PersistentVolumeClaim shop-media (StorageClass fast) is not bound: "fast" not found',
    });
  });

  it('quotes the last line of a crash loop, without the values of Secrets', () => {
    const model = settled();
    const name = model.pods.find(({ component }) => component === 'webapp')?.name ?? '';
    const pods = model.pods.map((pod) =>
      pod.name === name
        ? { ...pod, ready: false, uid: 'w', container: 'webapp', problem: problem('CrashLoopBackOff', 60) }
        : pod,
    );
    expect(questionsOf(model.observed({ pods }))).toMatchObject([{ ask: 'log', name, container: 'webapp' }]);
    const referenced = new Map([['db', { name: 'db', data: { password: 'a-long-password' } }]]);
    const answer = clues('w', { lines: ['starting', 'no access with a-long-password'] });
    const { message } = judge('WorkloadsReady', { pods, referenced, clues: answer }, model) ?? {};
    expect(message).toContain('what Kubernetes says; it printed last: no access with ***');
  });
});

describe('the database', () => {
  const starting = (changes: Partial<Observed>, spec: object = {}) => {
    const model = new StackModel(
      whatsAppDeployment({ spec }),
      new Map([['db', { name: 'db', data: { username: 'waba', password: 'a-long-password' } }]]),
    );
    for (let round = 0; round < 4; round++) model.round();
    return model.observed(changes);
  };
  const external = {
    database: { external: { host: 'db.example.org', credentialsSecretRef: { name: 'db' } } },
  };

  it('has the cause that the schema Job prints, and says which field or Secret mends it', () => {
    const pod = podView({ name: 'shop-schema-1', component: 'schema', ready: true });
    const observed = starting({}, external);
    const children = new Map(
      [...observed.children].map(([key, object]) => [
        key,
        key.startsWith('Job/shop-schema-') ? { ...object, status: {} } : object,
      ]),
    );
    const pods = [{ ...pod, uid: 's', container: 'schema', runningSinceMs: NOW_MS - 6_000 }];
    const lines = ['waiting for the database: password authentication failed for user "waba"'];
    const journal = observed.journal && { ...observed.journal, schemaDone: undefined };
    const told = verdictOf(
      { ...observed, journal, children, pods, clues: clues('s', { lines }) },
      'DatabaseReady',
    );
    expect(told).toMatchObject({ status: 'False', reason: 'DatabaseLoginRefused' });
    expect(told?.message).toBe(
      `waiting for db.example.org to accept the schema; db.example.org:5432 refuses the login; correct the user or its password in Secret db, keys username and password (Pod shop-schema-1 printed: ${lines[0]})`,
    );
    expect(questionsOf({ ...observed, children, pods })).toContainEqual(
      expect.objectContaining({ ask: 'log', name: 'shop-schema-1', dueMs: NOW_MS - 1_000 }),
    );
  });
});

describe('a load balancer that the cluster has not made', () => {
  it('is told with the command, and leaves a stack ready that works', () => {
    const model = new StackModel(whatsAppDeployment({ spec: { service: { type: 'LoadBalancer' } } }));
    model.settle();
    const pending = judge('WorkloadsReady', {}, model);
    expect(pending).toMatchObject({ status: 'True', reason: 'LoadBalancerPending' });
    expect(pending?.message).toContain('kubectl -n default describe service shop-webapp');
    const key = 'Service/shop-webapp';
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } };
    model.children.set(key, { ...(model.children.get(key) as KubeObject), status });
    expect(judge('WorkloadsReady', {}, model)).toMatchObject({ status: 'True', reason: 'Ready' });
  });
});
