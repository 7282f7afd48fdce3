import { describe, expect, it } from 'vitest';
import { whatsAppBackup } from '../../../../test/support/whatsAppBackup.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { SNAPSHOT_OF, snapshotName } from '../facts/backups.ts';
import { EMPTY_JOURNAL } from '../facts/journal.ts';
import { stackLabels } from '../facts/names.ts';
import type { PodView } from '../facts/observed.ts';
import { nextSnapshotStep, type SnapshotObserved } from './snapshot.ts';

const BACKUP = { destination: { claim: { name: 'vault' } }, encryptionSecretRef: { name: 'vault-key' } };
const LAST = 'shop-20260310-120000';
const journal = { ...EMPTY_JOURNAL, schemaDone: { schema: 'v2.57.1' } };

const stack = (spec: object = {}, finalizers: string[] = []) =>
  whatsAppDeployment({
    metadata: { deletionTimestamp: '2026-03-10T12:00:00Z', finalizers },
    spec: { deletionPolicy: 'Snapshot', backup: BACKUP, ...spec },
  });
const set = (component: 'coreapp' | 'database', replicas: number, kind = 'StatefulSet'): KubeObject => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name: `shop-${component}`, labels: stackLabels('shop', component) },
  spec: { replicas },
});
const pod = (component: string, problem?: string) =>
  ({
    name: `shop-${component}-0`,
    component,
    problem: problem && { reason: problem, text: '', sinceMs: 0 },
  }) as PodView;
const made = (status: object, metadata: object = {}) =>
  whatsAppBackup(LAST, { metadata: { annotations: { [SNAPSHOT_OF]: 'u1' }, ...metadata }, status });
const told = (phase: string, reason: string, message: string) => ({
  phase,
  conditions: [
    {
      type: 'Complete',
      status: phase === 'Failed' ? 'False' : 'Unknown',
      reason,
      message,
      lastTransitionTime: '2026-03-10T12:00:00Z',
    },
  ],
});

function next({
  objects = [],
  ...changes
}: Partial<SnapshotObserved> & { readonly objects?: readonly KubeObject[] } = {}) {
  const children = new Map(objects.map((object) => [`${object.kind}/${object.metadata.name}`, object]));
  const step = nextSnapshotStep({
    resource: stack(),
    children,
    pods: [],
    journal,
    backup: undefined,
    missing: [],
    ...changes,
  });
  return { ready: undefined, ...step };
}

describe('the last backup of a stack', () => {
  it('has the same name in every pass', () => {
    expect(snapshotName(stack())).toBe(LAST);
  });

  it('comes after the nodes have stopped, while the database runs on', () => {
    const [database, coreapp] = [set('database', 1), set('coreapp', 1)];
    const running = [pod('database'), pod('coreapp')];
    expect(next({ objects: [database, coreapp], pods: running })).toMatchObject({
      do: 'scale',
      replicas: 0,
      sets: [coreapp],
      ready: { reason: 'Deleting' },
    });
    const stopping = next({ objects: [database, set('coreapp', 0)], pods: running });
    expect(stopping.do).toBe('wait');
    expect(stopping.ready?.message).toContain('Coreapps to stop: shop-coreapp-0');
    const stopped = [pod('database'), pod('webapp', 'Evicted')];
    expect(next({ objects: [database, set('coreapp', 0)], pods: stopped }).do).toBe('create');
  });

  it('starts the database of a hibernated stack, and waits until it is ready', () => {
    const resource = stack({ hibernated: true });
    const asleep = [set('database', 0), set('coreapp', 0)];
    expect(next({ resource, objects: asleep })).toMatchObject({
      do: 'scale',
      replicas: 1,
      sets: [asleep[0]],
      ready: { message: expect.stringContaining('the database of the hibernated stack to start') },
    });
    const objects = [set('database', 1), set('coreapp', 0)];
    expect(next({ resource, objects, pods: [pod('database')] }).do).toBe('wait');
    const ready = { ...pod('database'), ready: true, terminating: false };
    expect(next({ resource, objects, pods: [ready] }).do).toBe('create');
  });

  it('waits for a Job that changes the databases', () => {
    const job: KubeObject = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'shop-schema', labels: stackLabels('shop', 'schema') },
      status: {},
    };
    const waiting = next({ objects: [job] });
    expect([waiting.do, waiting.ready?.message]).toEqual([
      'wait',
      expect.stringContaining('the end of Job shop-schema'),
    ]);
    const conditions = [{ type: 'Complete', status: 'True' }];
    expect(next({ objects: [{ ...job, status: { conditions } }] }).do).toBe('create');
  });

  it('names all that is needed to restore from it, stays at its destination, and has the media that go', () => {
    const step = next();
    expect(step.do === 'create' && step.backup).toEqual({
      apiVersion: 'waba-operator.dev/v1alpha1',
      kind: 'WhatsAppBackup',
      metadata: { name: LAST, namespace: 'default', annotations: { [SNAPSHOT_OF]: 'u1' } },
      spec: { deployment: 'shop', media: true, deletionPolicy: 'Retain', ...BACKUP },
    });
    const ofUser = next({ resource: stack({ media: { claimName: 'mine' } }) });
    expect(ofUser.do === 'create' && ofUser.backup.spec).toMatchObject({ media: false });
  });

  it('lets the data go when it is complete', () => {
    const backup = made({ phase: 'Completed', completedAt: '2026-03-10T14:00:00Z' });
    expect(next({ backup })).toMatchObject({ do: 'delete', madeMs: Date.parse('2026-03-10T14:00:00Z') });
  });

  it('tells how far it is', () => {
    const backup = made(told('Running', 'Running', 'writing database/a.dump.age, 7 bytes so far'));
    expect(next({ backup })).toMatchObject({ do: 'wait', ready: { reason: 'Deleting' } });
    expect(next({ backup }).ready?.message).toContain(
      `WhatsAppBackup ${LAST}: writing database/a.dump.age, 7 bytes so far`,
    );
    expect(next({ backup: made({ phase: 'Pending' }) })).toMatchObject({
      do: 'wait',
      ready: { reason: 'Deleting' },
    });
  });

  it('that failed keeps the data, and says the cause, how to try again and how to give up', () => {
    const { do: what, ready } = next({ backup: made(told('Failed', 'DestinationFull', 'no space')) });
    expect([what, ready?.reason]).toEqual(['wait', 'SnapshotBlocked']);
    expect(ready?.message).toBe(
      `the last backup, WhatsAppBackup ${LAST}, failed with DestinationFull: no space. Correct it and run: kubectl -n default delete whatsappbackup ${LAST}, which tries again. Or give the last backup up: kubectl -n default patch whatsappdeployment shop --type merge -p '{"spec":{"deletionPolicy":"Retain"}}' lets the resource go and keeps its data, and "Delete" deletes them. Nothing has been deleted`,
    );
    const going = made(told('Failed', 'DestinationFull', 'no space'), {
      deletionTimestamp: '2026-03-10T13:00:00Z',
      finalizers: ['other'],
    });
    expect(next({ backup: going })).toMatchObject({ do: 'wait', ready: { reason: 'Deleting' } });
  });

  it('that cannot begin or run says so', () => {
    for (const backup of [
      made(told('Pending', 'SecretMissing', 'Secret vault-key does not exist')),
      made(told('Running', 'PodProblem', 'no node takes it')),
    ])
      expect(next({ backup })).toMatchObject({ do: 'wait', ready: { reason: 'SnapshotBlocked' } });
    expect(next({ missing: ['pods: not allowed'] })).toMatchObject({
      do: 'wait',
      ready: { reason: 'SnapshotBlocked' },
    });
  });

  it('is not one that somebody else made under its name', () => {
    const { ready } = next({ backup: whatsAppBackup(LAST, { status: { phase: 'Completed' } }) });
    expect(ready?.message).toContain(`kubectl -n default delete whatsappbackup ${LAST}`);
  });

  it('is not stored on a volume that goes with the stack', () => {
    const backup = { ...BACKUP, destination: { claim: { name: 'shop-media' } } };
    expect(next({ resource: stack({ backup }) }).ready?.message).toContain('name another one');
  });

  it('cannot be made when Kubernetes deletes the database first', () => {
    expect(next({ resource: stack({}, ['foregroundDeletion']) }).ready?.message).toContain(
      '--cascade=background',
    );
  });

  it('is made only of a stack that had databases once', () => {
    expect(next({ journal: undefined })).toMatchObject({ do: 'delete', madeMs: undefined });
    expect(next({ journal: undefined, objects: [set('coreapp', 0)] }).do).toBe('create');
  });
});
