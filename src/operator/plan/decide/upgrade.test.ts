import { describe, expect, it } from 'vitest';
import {
  apiOf,
  applied,
  NOW_MS,
  release,
  restarted,
  StackModel,
} from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { APPROVED_GENERATION } from '../facts/names.ts';
import { childKey } from '../render/child.ts';
import { planWorkloads, type WorkloadPlan } from './workloads.ts';

const resource = (spec: object = {}, metadata: object = {}) => whatsAppDeployment({ spec, metadata });
/** A settled stack, and then another spec. */
function changed(from: object, to: object, metadata: object = {}): StackModel {
  const model = new StackModel(resource(from));
  model.settle();
  model.resource = resource({ ...from, ...to }, { generation: 2, ...metadata });
  return model;
}
const PULL = { imagePullSecrets: [{ name: 'registry' }] };
const templatesWritten = (plan: WorkloadPlan) =>
  applied(plan).filter(({ object }) => JSON.stringify(object).includes('registry'));
const verdictOf = (plan: WorkloadPlan, type: string) =>
  plan.steps.map(({ verdict }) => verdict).find((verdict) => verdict.type === type);
const replicasOf = (object: KubeObject | undefined) =>
  (object?.spec as { replicas?: number } | undefined)?.replicas;
const jobs = (model: StackModel) => [...model.children.keys()].filter((key) => key.startsWith('Job/'));

describe('spec.upgrade', () => {
  it('with mode Manual changes no pod and runs no Job until the generation is approved, and prints the command', () => {
    const model = changed({ upgrade: { mode: 'Manual' } }, { ...PULL, version: 'v2.59.1' });
    const waiting = model.settle();
    expect([templatesWritten(waiting), restarted(waiting)]).toEqual([[], []]);
    expect(jobs(model)).toHaveLength(1);
    expect(verdictOf(waiting, 'WorkloadsReady')?.reason).toBe('WaitingForApproval');
    expect(verdictOf(waiting, 'SchemaReady')?.reason).toBe('WaitingForApproval');
    expect(verdictOf(waiting, 'SchemaReady')?.message).toContain(
      `kubectl -n default annotate wad shop --overwrite ${APPROVED_GENERATION}=2`,
    );
    expect(waiting.rollout).toMatchObject({ isRolling: true, needsPlace: false });
    model.resource = resource(
      { upgrade: { mode: 'Manual' }, ...PULL, version: 'v2.59.1' },
      { generation: 2, annotations: { [APPROVED_GENERATION]: '2' } },
    );
    const settled = model.settle();
    expect(settled.rollout?.isRolling).toBe(false);
    expect(model.pods.filter(({ version }) => version === 'v2.59.1').length).toBeGreaterThan(4);
  });

  it('with a window changes pods only while it is open, but replaces pods that were never ready', () => {
    const window = { schedule: '0 2 * * *', durationMinutes: 60, timeZone: 'UTC' };
    const model = changed({ upgrade: { window } }, PULL);
    const closed = model.round();
    expect(templatesWritten(closed)).toEqual([]);
    expect(closed.rollout?.waitingFor).toContain('2026-03-02T02:00:00.000Z');
    expect(verdictOf(closed, 'WorkloadsReady')?.reason).toBe('WaitingForWindow');
    const stuck = model.pods.map((pod) =>
      pod.name === 'shop-coreapp-0-0' ? { ...pod, ready: false, stuck: true } : pod,
    );
    const repair = planWorkloads(model.observed({ pods: stuck, api: apiOf(stuck) }), release);
    expect(verdictOf(repair, 'WorkloadsReady')?.reason).not.toBe('WaitingForWindow');
    expect(templatesWritten(repair).map(({ object }) => childKey(object))).toEqual([
      'StatefulSet/shop-coreapp-0',
    ]);
    model.carryOut(repair, model.resource);
    const outdated = model.pods.map((pod) =>
      pod.name === 'shop-coreapp-0-0' ? { ...pod, ready: false, stuck: true } : pod,
    );
    expect(restarted(planWorkloads(model.observed({ pods: outdated }), release))).toEqual([
      'shop-coreapp-0-0',
    ]);
    const nowMs = Date.parse('2026-03-02T02:30:00Z');
    model.api = { atMs: nowMs };
    expect(model.settle({ nowMs }).rollout?.isRolling).toBe(false);
  });

  it('with a closed window corrects Webapps of which none is available, and leaves others alone', () => {
    const window = { schedule: '0 2 * * *', durationMinutes: 60, timeZone: 'UTC' };
    const model = changed({ upgrade: { window } }, PULL);
    const key = 'Deployment/shop-webapp';
    const written = (availableReplicas: number) => {
      const webapps = model.children.get(key) as KubeObject;
      const status = { ...(webapps.status as object), availableReplicas };
      const children = new Map([...model.children, [key, { ...webapps, status }]]);
      return templatesWritten(planWorkloads(model.observed({ children }), release)).map(({ object }) =>
        childKey(object),
      );
    };
    expect(written(0)).toEqual([key]);
    expect(written(1)).toEqual([]);
  });

  it.each([
    { upgrade: { window: { schedule: '0 5-2 * * *' } } },
    { upgrade: { window: { schedule: '0 2 * * *', timeZone: 'Europe/Nowhere' } } },
    { messageRetention: { schedule: '0 5-2 * * *' } },
    { media: { garbageCollection: { schedule: '0 5-2 * * *' } } },
  ])('with a schedule that cannot be read says so, and changes nothing because of it: %j', (spec) => {
    const verdict = verdictOf(changed(spec, {}).round(), 'SpecValid');
    expect(verdict).toMatchObject({ status: 'False', reason: 'BadSchedule' });
    expect(verdict?.message).toContain(`spec.${Object.keys(spec)[0]}`);
  });

  it('with mode OnDelete writes templates and leaves the pods of slots to the user; Webapps follow at the end', () => {
    const model = changed({ upgrade: { mode: 'OnDelete' } }, PULL);
    const plan = model.settle();
    expect(templatesWritten(plan).length).toBeGreaterThan(4);
    expect(restarted(plan)).toEqual([]);
    expect(verdictOf(plan, 'WorkloadsReady')).toMatchObject({
      reason: 'WaitingForDeletion',
      message: expect.stringContaining('somebody to delete the pod'),
    });
    const unready = model.pods.map((pod) =>
      pod.name === 'shop-coreapp-0-0' ? { ...pod, ready: false } : pod,
    );
    const broken = planWorkloads(model.observed({ pods: unready, api: apiOf(unready) }), release);
    expect(verdictOf(broken, 'WorkloadsReady')?.reason).not.toBe('WaitingForDeletion');
    const budget = planWorkloads(model.observed({ mayRoll: false }), release);
    expect(verdictOf(budget, 'WorkloadsReady')?.reason).toBe('RollingOut');
    for (const { name } of [...model.pods]) {
      model.pods = model.pods.filter((pod) => pod.name !== name);
      model.round();
    }
    expect(model.settle().rollout?.isRolling).toBe(false);
  });

  it('with a version that the database cannot run waits for no user, whatever the mode', () => {
    const model = changed({ upgrade: { mode: 'Manual' }, version: 'v2.59.1' }, { version: 'v2.57.1' });
    const plan = model.round();
    expect(plan.rollout).toMatchObject({ isRolling: true, hold: undefined });
  });

  it('with strategy Stop stops all nodes, then upgrades the schema, then starts all nodes', () => {
    const model = changed({ version: 'v2.57.1', upgrade: { strategy: 'Stop' } }, { version: 'v2.59.1' });
    const [oldJob] = jobs(model);
    const nodes = ['StatefulSet/shop-master-0', 'StatefulSet/shop-coreapp-1', 'Deployment/shop-webapp'];
    const old = model.pods;
    const stop = model.round();
    expect(verdictOf(stop, 'SchemaReady')?.reason).toBe('Stopping');
    expect(nodes.map((key) => replicasOf(model.children.get(key)))).toEqual([0, 0, 0]);
    // While an old pod is still stopping, nothing starts.
    const stopping = old
      .filter(({ name }) => name === 'shop-coreapp-1-0')
      .map((pod) => ({ ...pod, terminating: true }));
    const held = planWorkloads(model.observed({ pods: stopping }), release);
    expect(verdictOf(held, 'SchemaReady')?.reason).toBe('Stopping');
    expect(jobs(model)).toEqual([oldJob]);
    model.round();
    expect(jobs(model)).not.toEqual([oldJob]);
    expect(nodes.map((key) => replicasOf(model.children.get(key)))).toEqual([0, 0, 0]);
    expect(model.settle().rollout?.isRolling).toBe(false);
    expect(nodes.map((key) => replicasOf(model.children.get(key)))).toEqual([1, 1, 2]);
    expect(model.pods.find(({ name }) => name === 'shop-coreapp-1-0')?.version).toBe('v2.59.1');
  });

  it('stops the vendor stack for another minor version by default, and not for a patch or the emulator', () => {
    const onPremises = (version: string) => ({
      stack: 'OnPremises',
      version,
      images: { webapp: `web:${version}`, coreapp: `core:${version}` },
      registration: { certificateSecretRef: { name: 'cert' } },
    });
    const first = (from: object, to: object) => verdictOf(changed(from, to).round(), 'SchemaReady')?.reason;
    expect(first(onPremises('v2.57.1'), onPremises('v2.59.1'))).toBe('Stopping');
    expect(first(onPremises('v2.57.1'), onPremises('v2.57.2'))).toBe('Upgrading');
    expect(first({ version: 'v2.57.1' }, { version: 'v2.59.1' })).toBe('Upgrading');
  });

  it('refuses a version whose schema is older than that of the database, and keeps the stack as it is', () => {
    const model = changed({ version: 'v2.59.1' }, { version: 'v2.57.1' });
    const before = [...model.children];
    const plan = model.round();
    expect(verdictOf(plan, 'SpecValid')).toMatchObject({ reason: 'DowngradeRefused' });
    expect([...model.children].map(([key]) => key)).toEqual(before.map(([key]) => key));
    expect(restarted(model.settle())).toEqual([]);
    // The older version could not run either.
    const stuck = model.pods.map((pod) => ({ ...pod, ready: false, stuck: true }));
    const repair = planWorkloads(model.observed({ pods: stuck }), release);
    expect([...templatesWritten(repair), ...restarted(repair)]).toEqual([]);
    model.resource = resource({}, { generation: 3 });
    expect(verdictOf(model.round(), 'SpecValid')).toMatchObject({ reason: 'DowngradeRefused' });
    model.resource = resource({ version: 'v2.59.2' }, { generation: 4 });
    expect(model.settle().rollout?.isRolling).toBe(false);
  });

  it('stops a rollout without progress within its deadline, names the way back, and resumes when spec changes', () => {
    const model = changed({ version: 'v2.57.1' }, { version: 'v2.57.2' });
    for (let round = 0; round < 3; round++) model.round({ api: undefined });
    expect(model.journal.rollout).toMatchObject({ isActive: true, isStopped: false });
    const late = { nowMs: NOW_MS + 901_000 };
    model.round({ api: undefined, ...late });
    const plan = model.round({ ...late, api: apiOf(model.pods, { atMs: late.nowMs }) });
    expect(restarted(plan)).toEqual([]);
    expect(plan.rollout?.stopped).toContain('set spec back to version v2.57.1');
    model.resource = resource({ version: 'v2.57.2', upgrade: { deadlineSeconds: 901 } }, { generation: 3 });
    model.api = { atMs: late.nowMs };
    expect(model.settle(late).rollout?.isRolling).toBe(false);
  });

  it('never advises to go back to a version that cannot use the schema', () => {
    const model = changed({ version: 'v2.57.1' }, { version: 'v2.59.1' });
    for (let round = 0; round < 4; round++) model.round({ api: undefined });
    const late = { api: undefined, nowMs: NOW_MS + 901_000 };
    model.round(late);
    expect(model.round(late).rollout?.stopped).toContain(
      'the database has the schema of v2.59.1, which v2.57.1 cannot use',
    );
  });
});
