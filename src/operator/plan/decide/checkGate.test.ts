import { describe, expect, it } from 'vitest';
import { podView } from '../../../../test/support/podView.ts';
import { applied, NOW_MS, release, removed, StackModel } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { componentOf, isNode } from '../facts/names.ts';
import type { Observed, PodProblem, ReferencedSecret } from '../facts/observed.ts';
import { childKey } from '../render/child.ts';
import { planWorkloads, type WorkloadPlan } from './workloads.ts';

const external = { host: 'db.example.org', credentialsSecretRef: { name: 'login' } };
const secrets = (password = 'p'): Map<string, ReferencedSecret> =>
  new Map([['login', { name: 'login', data: { username: 'u', password } }]]);
const resource = (more: object = {}, spec: object = {}) =>
  whatsAppDeployment({ spec: { database: { external: { ...external, ...more } }, ...spec } });

const PASSED = { conditions: [{ type: 'Complete', status: 'True' }] };
const isCheck = (object: KubeObject) => object.kind === 'Job' && componentOf(object) === 'database-check';
const checksOf = (model: StackModel) => [...model.children.values()].filter(isCheck);
const made = (plan: WorkloadPlan) => applied(plan).map(({ object }) => object);
const madeChecks = (plan: WorkloadPlan) => made(plan).filter(isCheck);
const verdict = (plan: WorkloadPlan) =>
  plan.steps.map((step) => step.verdict).find(({ type }) => type === 'DatabaseReady');
const plan = (model: StackModel, changes: Partial<Observed> = {}) =>
  planWorkloads(model.observed(changes), release);

/** A stack until its check has been applied; the Job has not ended. */
function checking(model = new StackModel(resource(), secrets())): StackModel {
  for (let round = 0; checksOf(model).length === 0; round++) {
    if (round > 5) throw new Error('no check');
    model.round();
  }
  for (const job of checksOf(model)) model.children.set(childKey(job), { ...job, status: {} });
  return model;
}

function settled(spec: object = {}): StackModel {
  const model = new StackModel(resource({}, spec), secrets());
  model.settle();
  return model;
}

/** What is seen while the pod of the check runs, and has printed a line. */
function printing(verdictOfCheck: string, message: string): Partial<Observed> {
  const pod = podView({
    name: 'shop-database-check-1',
    uid: 'c',
    component: 'database-check',
    ready: true,
    container: 'database-check',
    runningSinceMs: NOW_MS - 6_000,
  });
  const line = JSON.stringify({ verdict: verdictOfCheck, message });
  return { pods: [pod], clues: new Map([['c', { lines: [line] }]]) };
}

describe('the check of an external database', () => {
  it('comes before the network process, the schema Job and the nodes', () => {
    const model = checking();
    const waiting = plan(model);
    const kinds = new Set(made(waiting).map(({ kind }) => kind));
    for (const kind of ['Job', 'StatefulSet', 'Deployment']) expect(kinds).not.toContain(kind);
    expect(verdict(waiting)).toMatchObject({ status: 'False', reason: 'Connecting' });
    expect(verdict(waiting)?.message).toContain('has checked db.example.org');
    for (const job of checksOf(model)) model.children.set(childKey(job), { ...job, status: PASSED });
    model.settle();
    expect([...model.children.keys()]).toContain('Deployment/waba-network');
    expect(model.pods.length).toBeGreaterThan(3);
    expect(verdict(plan(model))?.status).toBe('True');
    // It is kept, and says that this was checked.
    expect(checksOf(model)).toHaveLength(1);
  });

  it('says in the condition what it found, and what mends it', () => {
    const found = plan(checking(), printing('DatabaseConnectionsFew', '7 are free'));
    expect(verdict(found)).toMatchObject({ status: 'False', reason: 'DatabaseConnectionsFew' });
    expect(verdict(found)?.message).toContain('raise max_connections of the server');
    expect(verdict(found)?.message).toContain('(Pod shop-database-check-1 printed: 7 are free)');
    const other = plan(checking(), printing('DatabaseOtherEngine', 'a MySQL server listens'));
    expect(verdict(other)?.message).toContain('correct spec.database.external.engine, host and port');
  });

  it('runs our image of this operator version, also for the stack of the vendor', () => {
    const model = checking(
      new StackModel(
        resource(
          { tls: { mode: 'VerifyCA', caSecretRef: { name: 'ca', key: 'ca.crt' } } },
          {
            stack: 'OnPremises',
            version: 'v2.57.1',
            images: { webapp: 'web:v2.57.1', coreapp: 'core:v2.57.1' },
            registration: { certificateSecretRef: { name: 'certificate' } },
          },
        ),
        new Map([...secrets(), ['ca', { name: 'ca', data: { 'ca.crt': 'CA' } }]]),
      ),
    );
    const [job] = checksOf(model);
    const container = { image: release.stack, args: ['check-database', '--wait', '--connections=222'] };
    const spec = { containers: [container], securityContext: { runAsNonRoot: true } };
    expect(job).toMatchObject({ spec: { template: { spec } } });
    // The vendor's client is not known to verify the name.
    expect(JSON.stringify(job)).toContain('"WABA_DB_SSL_MODE","value":"verify-ca"');
  });

  it('that cannot run holds back nothing: it is no answer about the database', () => {
    const pod = podView({ name: 'shop-database-check-1', component: 'database-check', ready: false });
    const problem: PodProblem = { reason: 'ImagePullFailed', text: 'cannot pull', sinceMs: NOW_MS - 60_000 };
    const going = plan(checking(), { pods: [{ ...pod, problem }] });
    expect(made(going).some((object) => componentOf(object) === 'schema')).toBe(true);
  });

  it('runs again for another login, server or number of pods, and the Job before it goes', () => {
    const model = settled();
    const [before] = checksOf(model);
    expect(madeChecks(plan(model))).toEqual([]);
    const again = [
      plan(model, { referenced: secrets('other') }),
      plan(model, { resource: resource({ port: 6432 }) }),
      plan(model, { resource: resource({}, { multiconnect: { shards: 4, standbys: 1 } }) }),
    ];
    for (const one of again) {
      expect(madeChecks(one)).toHaveLength(1);
      expect(removed(one)).toContain(before);
    }
    const same = { nodes: { coreapp: { resources: { requests: { cpu: '1' } } } } };
    expect(madeChecks(plan(model, { resource: resource({}, same) }))).toEqual([]);
  });

  it('that fails stops nothing that runs, and is reported', () => {
    const model = settled();
    model.resource = resource({}, { multiconnect: { shards: 4, standbys: 1 } });
    model.round();
    for (const job of checksOf(model)) model.children.set(childKey(job), { ...job, status: {} });
    const seen = printing('DatabaseConnectionsFew', '7 are free');
    const going = plan(model, { ...seen, pods: [...model.pods, ...(seen.pods ?? [])] });
    expect(verdict(going)).toMatchObject({ status: 'False', reason: 'DatabaseConnectionsFew' });
    expect(verdict(going)?.message).toContain('the check of db.example.org fails');
    expect(going.steps.every(({ open }) => open)).toBe(true);
    expect(removed(going)).toEqual([]);
  });

  it('that fails holds back nothing when all nodes are away: the stack had its schema before', () => {
    const model = settled();
    const referenced = secrets('other');
    model.pods = [];
    model.round({ referenced });
    for (const job of checksOf(model)) model.children.set(childKey(job), { ...job, status: {} });
    model.pods = [];
    const going = plan(model, { ...printing('DatabaseNoAnswer', 'timeout expired'), referenced });
    expect(verdict(going)).toMatchObject({ status: 'False', reason: 'DatabaseNoAnswer' });
    expect(going.steps.find((step) => step.verdict.type === 'DatabaseReady')?.open).toBe(true);
  });

  it('of a new login that fails stops no node of a stack that runs', () => {
    const model = settled();
    const referenced = secrets('other');
    model.round({ referenced });
    for (const job of checksOf(model)) model.children.set(childKey(job), { ...job, status: {} });
    const seen = printing('DatabaseLoginRefused', 'refused');
    const going = plan(model, { ...seen, referenced, pods: [...model.pods, ...(seen.pods ?? [])] });
    expect(verdict(going)).toMatchObject({ status: 'False', reason: 'DatabaseLoginRefused' });
    expect(going.steps.find((step) => step.verdict.type === 'DatabaseReady')?.open).toBe(true);
    expect(removed(going).filter(({ kind }) => kind !== 'Job')).toEqual([]);
  });

  it('of a login in another Secret comes before any template refers to that Secret', () => {
    const both = new Map([
      ...secrets(),
      ['next', { name: 'next', data: { username: 'u2', password: 'p2' } }],
    ]);
    const model = new StackModel(resource(), both);
    model.settle();
    model.resource = resource({ credentialsSecretRef: { name: 'next' } });
    const secretOfNodes = () =>
      [...model.children.values()]
        .filter(
          (object) => isNode(componentOf(object)) && ['StatefulSet', 'Deployment'].includes(object.kind),
        )
        .map((object) => /"WA_DB_PASSWORD".*?"name":"(\w+)"/.exec(JSON.stringify(object))?.[1]);
    const nodes = secretOfNodes().length;
    expect(nodes).toBeGreaterThan(3);
    const jobsBefore = new Set(model.children.keys());
    for (let round = 0; round < 10; round++) {
      model.round();
      for (const [key, object] of model.children)
        if (object.kind === 'Job' && !jobsBefore.has(key)) model.children.set(key, { ...object, status: {} });
      expect(secretOfNodes()).toEqual(Array.from({ length: nodes }, () => 'login'));
    }
    for (const [key, object] of model.children)
      if (object.kind === 'Job') model.children.set(key, { ...object, status: PASSED });
    model.settle();
    expect(secretOfNodes()).toEqual(Array.from({ length: nodes }, () => 'next'));
  });

  it('does not run for a stack of an earlier version, until something about its database changes', () => {
    const model = settled();
    for (const job of checksOf(model)) model.children.delete(childKey(job));
    expect([made(plan(model)).filter(isCheck), verdict(plan(model))?.status]).toEqual([[], 'True']);
    expect(madeChecks(plan(model, { resource: resource({ host: 'other.example.org' }) }))).toHaveLength(1);
  });

  it('is made anew when Kubernetes ended it, and goes with the external database', () => {
    const model = checking();
    const [job] = checksOf(model);
    if (!job) throw new Error('no check');
    const conditions = [{ type: 'Failed', status: 'True', reason: 'DeadlineExceeded' }];
    model.children.set(childKey(job), { ...job, status: { conditions } });
    model.round();
    expect(checksOf(model)).toEqual([]);
    expect(madeChecks(plan(model))).toHaveLength(1);
    const moved = settled();
    moved.resource = whatsAppDeployment();
    moved.settle();
    expect(checksOf(moved)).toEqual([]);
  });
});
