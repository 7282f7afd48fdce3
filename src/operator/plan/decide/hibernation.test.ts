import { describe, expect, it } from 'vitest';
import { applied, NOW_MS, release, StackModel } from '../../../../test/support/stackModel.ts';
import { whatsAppBackup } from '../../../../test/support/whatsAppBackup.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { Observed } from '../facts/observed.ts';
import { childKey } from '../render/child.ts';
import { replicasOf } from './childChange.ts';
import { planWorkloads, type WorkloadPlan } from './workloads.ts';

const resource = (spec: object = {}, metadata: object = {}): WhatsAppDeployment =>
  whatsAppDeployment({ spec, metadata });

function running(spec: object = {}): StackModel {
  const model = new StackModel(resource(spec));
  model.settle();
  return model;
}

const asleep = (spec: object = {}): StackModel => {
  const model = running(spec);
  model.resource = resource({ ...spec, hibernated: true });
  model.settle();
  return model;
};

const sized = (plan: WorkloadPlan) =>
  applied(plan)
    .filter(({ restarts }) => restarts)
    .map(({ object }) => `${childKey(object)}=${replicasOf(object)}`);
const told = ({ steps }: WorkloadPlan, type: string) =>
  steps.map(({ verdict }) => verdict).find((verdict) => verdict.type === type);
const components = ({ pods }: StackModel) => [...new Set(pods.map(({ component }) => component))];

describe('hibernation', () => {
  it('stops the nodes, then the database and the network process, and makes nothing else', () => {
    const model = running();
    model.resource = resource({ hibernated: true });
    const first = model.round();
    expect(sized(first)).toEqual([
      'StatefulSet/shop-master-0=0',
      'StatefulSet/shop-master-1=0',
      'StatefulSet/shop-coreapp-0=0',
      'StatefulSet/shop-coreapp-1=0',
      'Deployment/shop-webapp=0',
    ]);
    expect(told(first, 'WorkloadsReady')).toMatchObject({
      status: 'False',
      reason: 'Hibernating',
      message: expect.stringContaining('the Webapps, Masters and Coreapps to stop: shop-'),
    });
    expect(components(model)).toEqual(['database']);
    const second = model.round();
    expect(sized(second)).toEqual(
      expect.arrayContaining(['StatefulSet/shop-database=0', 'Deployment/waba-network=0']),
    );
    const last = model.settle();
    expect(model.pods).toEqual([]);
    expect(told(last, 'SpecValid')?.status).toBe('True');
    for (const type of ['DatabaseReady', 'SchemaReady', 'WorkloadsReady', 'Exposed'])
      expect(told(last, type)).toMatchObject({ status: 'False', reason: 'Hibernated' });
    expect([last.generate, applied(last).every(({ restarts }) => restarts)]).toEqual([[], true]);
  });

  it('keeps claims, Secrets and the journal, and wakes the database before the nodes', () => {
    const model = asleep();
    const kept = (of: StackModel) =>
      JSON.stringify([...of.children].filter(([key]) => /^(Secret|PersistentVolumeClaim)\//.test(key)));
    const before = running();
    expect(kept(model)).toBe(kept(before));
    expect({ ...model.journal, rollout: undefined }).toEqual({ ...before.journal, rollout: undefined });
    model.resource = resource();
    model.round();
    expect(components(model)).toEqual(['database']);
    model.settle();
    expect(model.pods.length).toBe(before.pods.length);
    expect(told(model.settle(), 'WorkloadsReady')?.status).toBe('True');
    expect(kept(model)).toBe(kept(before));
  });

  it('waits for Jobs and backups before it stops the database', () => {
    const model = running();
    model.resource = resource({ hibernated: true });
    model.round();
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'busy', labels: {} } };
    const labels = { 'app.kubernetes.io/instance': 'shop' };
    const children = new Map([
      ...model.children,
      ['Job/busy', { ...job, metadata: { ...job.metadata, labels } }],
    ]);
    const backup = whatsAppBackup('nightly');
    const backups = [{ ...backup, status: { ...backup.status, phase: 'Running' as const } }];
    const plan = planWorkloads(model.observed({ children, backups }), release);
    expect(sized(plan)).not.toContain('StatefulSet/shop-database=0');
    expect(told(plan, 'DatabaseReady')?.message).toBe(
      'waiting for the end of Job busy, and for the end of WhatsAppBackup nightly',
    );
  });

  it('waits for a Job of a backup that no status tells of yet, and for one that may just be created', () => {
    const model = running();
    model.resource = resource({ hibernated: true });
    model.round();
    const job = (status: object): KubeObject => ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'nightly-backup' },
      status,
    });
    const ended = { conditions: [{ type: 'Failed', status: 'True' }] };
    const stops = (changes: Partial<Observed>) => {
      const plan = planWorkloads(model.observed(changes), release);
      return [sized(plan).includes('StatefulSet/shop-database=0'), told(plan, 'DatabaseReady')?.message];
    };
    expect(stops({ databaseJobs: [job({})] })).toEqual([false, 'waiting for the end of Job nightly-backup']);
    expect(stops({ isBackingUp: true })).toEqual([false, 'waiting for the end of a look at the backups']);
    expect(stops({ databaseJobs: [job(ended)], isBackingUp: false })[0]).toBe(true);
    model.settle();
    const looked = planWorkloads(model.observed({ isBackingUp: true }), release);
    expect(told(looked, 'WorkloadsReady')?.reason).toBe('Hibernated');
  });

  it('leaves the network process to another stack that runs', () => {
    const model = running();
    model.resource = resource({ hibernated: true });
    const other = resource({}, { name: 'other', uid: 'uid-other' });
    const network = () => replicasOf(model.children.get('Deployment/waba-network') as KubeObject);
    model.settle({ stacks: [model.resource, other] });
    expect([network(), model.pods]).toEqual([1, []]);
    model.settle({ stacks: [model.resource, { ...other, spec: model.resource.spec }] });
    expect(network()).toBe(0);
  });

  it('gives a change of spec to the pods at waking, and stops nodes that are not declared any more', () => {
    const model = asleep();
    model.resource = resource({
      hibernated: true,
      nodes: { webapp: { podTemplate: { annotations: { a: 'b' } } } },
    });
    model.settle();
    expect(JSON.stringify(model.children.get('Deployment/shop-webapp'))).toContain('"a":"b"');
    expect(model.pods).toEqual([]);

    const shrunk = running({ nodes: { master: { replicas: 3 } }, multiconnect: { standbys: 2 } });
    shrunk.resource = resource({ hibernated: true });
    shrunk.settle();
    expect(shrunk.pods).toEqual([]);
    shrunk.resource = resource();
    shrunk.settle();
    const masters = [...shrunk.children.keys()].filter((key) => key.startsWith('StatefulSet/shop-master'));
    expect(masters).toEqual(['StatefulSet/shop-master-0', 'StatefulSet/shop-master-1']);
  });

  it('brings a newer schema at waking, before the nodes start', () => {
    const model = asleep({ version: 'v2.57.1' });
    const jobs = () => [...model.children.keys()].filter((key) => key.startsWith('Job/'));
    model.resource = resource({ version: 'v2.59.1', hibernated: true });
    model.settle();
    const before = jobs();
    model.resource = resource({ version: 'v2.59.1' });
    const news = () => jobs().filter((key) => !before.includes(key));
    for (let round = 0; news().length === 0 && round < 9; round++) model.round();
    expect([news().length, components(model)]).toEqual([1, ['database']]);
    model.settle();
    expect(components(model)).toContain('webapp');
    expect(model.journal.schemaVersion).toBe('v2.59.1');
  });

  it('makes nothing of a stack that was created hibernated', () => {
    const model = new StackModel(resource({ hibernated: true }));
    const plan = model.settle({ nowMs: NOW_MS });
    expect([plan.generate, applied(plan), model.children.size]).toEqual([[], [], 0]);
    expect(told(plan, 'WorkloadsReady')?.reason).toBe('Hibernated');
  });
});
