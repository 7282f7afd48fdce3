import { describe, expect, it } from 'vitest';
import { whatsAppBackup } from '../../../../test/support/whatsAppBackup.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { WhatsAppBackup } from '../../resource/whatsAppBackup.ts';
import { BACKUP_FINALIZER, SCHEDULED_FOR, SNAPSHOT_OF } from '../facts/backups.ts';
import type { BackupsObserved } from './backupStep.ts';
import { type BackupsPlan, planBackups } from './backups.ts';

const NOW = Date.parse('2026-03-10T12:00:00Z');
const DESTINATION = { claim: { name: 'vault' } };
const BACKUP = { destination: DESTINATION, encryptionSecretRef: { name: 'vault-key' } };
const READY = {
  conditions: ['DatabaseReady', 'SchemaReady'].map((type) => ({
    type,
    status: 'True',
    reason: 'Ready',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  })),
  database: { engine: 'PostgreSQL' },
  client: { version: 'v2.57.1' },
  shards: { desired: 2 },
};

const stack = (backup: object | null = BACKUP, spec: object = {}, status: object | null = READY) =>
  whatsAppDeployment({ spec: { ...(backup ? { backup } : {}), ...spec }, status: status ?? undefined });

const job = (name: string, end?: 'Complete' | 'Failed', message = ''): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name, uid: `uid-${name}`, creationTimestamp: '2026-03-10T11:59:00Z' },
  status: end
    ? {
        conditions: [{ type: end, status: 'True', reason: 'Why', message }],
        completionTime: '2026-03-10T11:59:30Z',
      }
    : {},
});

function planned(
  backups: readonly WhatsAppBackup[],
  { jobs = [], ...changes }: Partial<Omit<BackupsObserved, 'jobs'>> & { jobs?: readonly KubeObject[] } = {},
): BackupsPlan & { told(name: string): { phase?: string; reason?: string; message?: string } } {
  const plan = planBackups({
    stack: stack(),
    release: { stack: 'waba-stack:1', database: 'postgres', databaseVersion: '18', databaseTls: true },
    offered: { stack: 'waba-stack:2', database: 'postgres' },
    backups,
    jobs: new Map(jobs.map((one) => [one.metadata.name, one])),
    reports: new Map(),
    hasKey: () => true,
    secrets: ['shop-journal', 'shop-admin'],
    serverName: 'shop-webapp.default.svc',
    nowMs: NOW,
    ...changes,
  });
  return {
    ...plan,
    told: (name) => {
      const [, status] = [...plan.statuses].find(([{ metadata }]) => metadata.name === name) ?? [];
      const [{ reason = '', message = '' } = {}] = status?.conditions ?? [];
      return { phase: status?.phase ?? '', reason, message };
    },
  };
}
const namesOf = (objects: readonly { readonly metadata: { readonly name: string } }[]) =>
  objects.map(({ metadata }) => metadata.name);

describe('a backup that somebody asks for', () => {
  it('gets a Job that dumps with the image of the database and stores with ours', () => {
    const plan = planned([whatsAppBackup('first')]);
    expect(namesOf(plan.start)).toEqual(['first-backup']);
    expect(plan.told('first')).toMatchObject({ phase: 'Running', reason: 'Running' });
    const [first] = plan.start;
    const { template } = (first?.spec ?? {}) as { template: { spec: { containers: KubeObject[] } } };
    expect(template.spec.containers.map(({ name, image }) => [name, image])).toEqual([
      ['agent', 'waba-stack:1'],
      ['dump', 'postgres:18'],
    ]);
  });

  it('waits, and says for what', () => {
    const of = (changes: Parameters<typeof planned>[1], spec: object = {}) =>
      planned([whatsAppBackup('first', { spec })], changes).told('first');
    expect(of({ stack: undefined })).toMatchObject({ phase: 'Pending', reason: 'DeploymentMissing' });
    expect(of({ stack: stack(null) }).reason).toBe('NotConfigured');
    const [mine, theirs] = [{ destination: DESTINATION }, { encryptionSecretRef: { name: 'k' } }];
    expect(of({ stack: stack(null) }, mine).message).toBe(
      'set spec.encryptionSecretRef here, or in spec.backup of WhatsAppDeployment shop',
    );
    expect(of({ stack: stack(null) }, theirs).message).toContain('set spec.destination here');
    expect(of({ stack: stack(BACKUP, { paused: true }) }).reason).toBe('Paused');
    expect(of({ stack: stack(BACKUP, { hibernated: true }) }).reason).toBe('Hibernated');
    expect(of({ hasKey: (secret) => secret !== 'vault-key' }).message).toBe(
      'Secret vault-key with key passphrase does not exist; create it',
    );
    expect(of({ stack: stack(BACKUP, {}, null) }).reason).toBe('DatabaseNotReady');
  });

  it('of a stack that is being deleted waits for nobody to unpause it, and asks no Webapp', () => {
    const deleted = whatsAppDeployment({
      metadata: { deletionTimestamp: '2026-03-10T12:00:00Z' },
      spec: { deletionPolicy: 'Snapshot', backup: BACKUP, paused: true },
    });
    const last = whatsAppBackup('first', { metadata: { annotations: { [SNAPSHOT_OF]: 'u1' } } });
    const { start } = planned([last], { stack: deleted });
    expect(namesOf(start)).toEqual(['first-backup']);
    expect(JSON.stringify(start)).not.toContain('WABA_API_URL');
    expect(planned([whatsAppBackup('first')], { stack: deleted }).told('first').reason).toBe('Paused');
  });

  it('waits for the one that runs, and the older of two goes first', () => {
    const older = whatsAppBackup('b', { metadata: { creationTimestamp: '2026-03-01T00:00:00Z' } });
    const younger = whatsAppBackup('a', { metadata: { creationTimestamp: '2026-03-02T00:00:00Z' } });
    const plan = planned([younger, older]);
    expect(namesOf(plan.start)).toEqual(['b-backup']);
    expect(plan.told('a')).toMatchObject({
      phase: 'Pending',
      reason: 'Queued',
      message: 'waiting until the backup b has ended',
    });
    const running = whatsAppBackup('a', { status: { phase: 'Running' } });
    expect(planned([running, older], { jobs: [job('a-backup')] }).start).toEqual([]);
  });

  it('is complete with what its Job tells, and stays so when the Job is gone', () => {
    const running = whatsAppBackup('first', {
      status: { phase: 'Running', startedAt: '2026-03-10T11:58:00Z' },
    });
    const result = {
      ok: true as const,
      command: 'run',
      storedBytes: 1000,
      plainBytes: 4000,
      durationMs: 5,
      databases: ['configStore'],
      warnings: ['the settings are missing'],
    };
    const plan = planned([running], {
      jobs: [job('first-backup', 'Complete')],
      reports: new Map([['first-backup', { result, problem: undefined, progress: undefined }]]),
    });
    const [status] = plan.statuses.values();
    expect(status).toMatchObject({
      phase: 'Completed',
      completedAt: '2026-03-10T11:59:30Z',
      storedBytes: 1000,
      plainBytes: 4000,
      databases: ['configStore'],
      warnings: ['the settings are missing'],
    });
    expect(status?.conditions?.[0]).toMatchObject({ type: 'Complete', status: 'True' });
    const done = whatsAppBackup('first', { status: status ?? {} });
    expect([...planned([done]).statuses.values()]).toEqual([status]);
    expect(planned([done]).start).toEqual([]);
  });

  it('knows what it is of, also when the operator stopped between its Job and its status', () => {
    const plan = planned([whatsAppBackup('first')], { jobs: [job('first-backup', 'Complete')] });
    const [[, status] = []] = plan.statuses;
    expect(status).toMatchObject({
      phase: 'Completed',
      startedAt: '2026-03-10T11:59:00Z',
      location: 'PersistentVolumeClaim vault',
      engine: 'PostgreSQL',
      version: 'v2.57.1',
      shards: 2,
    });
  });

  it('fails with the cause that its program tells, or with what Kubernetes says', () => {
    const running = whatsAppBackup('first', { status: { phase: 'Running' } });
    const failed = (code: string) =>
      planned([running], {
        jobs: [job('first-backup', 'Failed', 'Job has reached the specified backoff limit')],
        reports: new Map([
          [
            'first-backup',
            {
              result: {
                ok: false as const,
                command: 'run',
                code,
                message: 'no space',
                retriable: false,
                durationMs: 1,
              },
              problem: undefined,
              progress: undefined,
            },
          ],
        ]),
      }).told('first');
    expect(failed('DestinationFull')).toEqual({
      phase: 'Failed',
      reason: 'DestinationFull',
      message: 'no space',
    });
    expect(failed('SomethingNewer')).toMatchObject({ reason: 'JobFailed', message: 'no space' });
    const killed = planned([running], { jobs: [job('first-backup', 'Failed', 'Job was active too long')] });
    expect(killed.told('first')).toEqual({
      phase: 'Failed',
      reason: 'JobFailed',
      message: 'Job was active too long',
    });
    expect(planned([running]).told('first')).toMatchObject({ phase: 'Failed', reason: 'JobDeleted' });
  });

  it('tells how far it is, and what holds its pod up', () => {
    const running = whatsAppBackup('first', { status: { phase: 'Running' } });
    const told = (report: object) =>
      planned([running], {
        jobs: [job('first-backup')],
        reports: new Map([
          ['first-backup', { result: undefined, problem: undefined, progress: undefined, ...report }],
        ]),
      }).told('first');
    expect(told({ progress: { object: 'database/configStore.dump.age', bytes: 77 } }).message).toBe(
      'writing database/configStore.dump.age, 77 bytes so far',
    );
    const problem = { reason: 'ImagePullFailed', text: 'container dump: ErrImagePull', sinceMs: 1 };
    expect(told({ problem })).toMatchObject({
      phase: 'Running',
      reason: 'PodProblem',
      message: problem.text,
    });
  });
});

describe('a schedule', () => {
  const scheduled = { ...BACKUP, schedule: '0 3 * * *', retention: { count: 2 } };
  const at = (due: string, phase: string, day = due) =>
    whatsAppBackup(`shop-${due.slice(0, 10).replaceAll('-', '')}-0300`, {
      metadata: { annotations: { [SCHEDULED_FOR]: due }, creationTimestamp: due },
      spec: { deletionPolicy: 'Delete', ...BACKUP },
      status: { phase, completedAt: day },
    });

  it('makes the last backup that was missed, with all that is needed to read it without the stack', () => {
    const plan = planned([], { stack: stack({ ...scheduled, media: true }) });
    expect(plan.create).toEqual([
      {
        apiVersion: 'waba-operator.dev/v1alpha1',
        kind: 'WhatsAppBackup',
        metadata: {
          name: 'shop-20260310-0300',
          namespace: 'default',
          annotations: { [SCHEDULED_FOR]: '2026-03-10T03:00:00.000Z' },
        },
        spec: { deployment: 'shop', media: true, deletionPolicy: 'Delete', ...BACKUP },
      },
    ]);
  });

  it('makes none twice, none while it is suspended or paused, and wakes for the next', () => {
    const made = at('2026-03-10T03:00:00.000Z', 'Completed');
    const plan = planned([made], { stack: stack(scheduled) });
    expect(plan.create).toEqual([]);
    expect(plan.againMs).toBe(Date.parse('2026-03-11T03:00:00Z'));
    expect(planned([], { stack: stack({ ...scheduled, suspend: true }) }).create).toEqual([]);
    expect(planned([], { stack: stack(scheduled, { paused: true }) }).create).toEqual([]);
    expect(planned([], { stack: stack(scheduled, { hibernated: true }) }).create).toEqual([]);
  });

  it('follows its time zone', () => {
    const { create } = planned([], { stack: stack({ ...scheduled, timeZone: 'America/New_York' }) });
    // Summer time began two days before.
    expect(namesOf(create)).toEqual(['shop-20260310-0700']);
  });

  it('gives up what is beyond the retention, and never the last good one', () => {
    const days = ['06', '07', '08', '09', '10'].map((day) => `2026-03-${day}T03:00:00.000Z`);
    const all = days.map((day) => at(day, 'Completed'));
    expect(namesOf(planned(all, { stack: stack(scheduled) }).expire).sort()).toEqual([
      'shop-20260306-0300',
      'shop-20260307-0300',
      'shop-20260308-0300',
    ]);
    const retention = { count: 9, days: 1 };
    const old = days.slice(0, 3).map((day) => at(day, 'Completed'));
    const failed = at('2026-03-10T03:00:00.000Z', 'Failed');
    expect(
      namesOf(planned([...old, failed], { stack: stack({ ...scheduled, retention }) }).expire).sort(),
    ).toEqual(['shop-20260306-0300', 'shop-20260307-0300']);
  });

  it('keeps the newest failed ones, and touches none that somebody asked for', () => {
    const days = ['05', '06', '07', '08', '09'].map((day) => `2026-03-${day}T03:00:00.000Z`);
    const failed = days.map((day) => at(day, 'Failed'));
    const mine = whatsAppBackup('mine', {
      status: { phase: 'Completed', completedAt: '2026-01-01T00:00:00Z' },
    });
    expect(namesOf(planned([...failed, mine], { stack: stack(scheduled) }).expire)).toEqual([
      'shop-20260306-0300',
      'shop-20260305-0300',
    ]);
  });
});

describe('a backup whose stored objects go with it', () => {
  const deleted = (changes: { spec?: object; status?: object } = {}) =>
    whatsAppBackup('first', {
      metadata: { deletionTimestamp: '2026-03-10T11:00:00Z', finalizers: ['other', BACKUP_FINALIZER] },
      spec: { deletionPolicy: 'Delete', ...BACKUP, ...changes.spec },
      status: changes.status ?? { phase: 'Completed', startedAt: '2026-03-09T00:00:00Z', location: 'there' },
    });
  const released = (plan: BackupsPlan) => [...plan.finalizers.values()];

  it('has a finalizer before anything is stored', () => {
    const plan = planned([whatsAppBackup('first', { spec: { deletionPolicy: 'Delete' } })]);
    expect(released(plan)).toEqual([[BACKUP_FINALIZER]]);
  });

  it('is removed by a Job, also when the stack is gone, and then let go', () => {
    const plan = planned([deleted()], { stack: undefined });
    expect(namesOf(plan.start)).toEqual(['first-removal']);
    expect(plan.told('first')).toMatchObject({ phase: 'Deleting', reason: 'Removing' });
    expect(released(plan)).toEqual([]);
    const after = planned([deleted()], { jobs: [job('first-removal', 'Complete')] });
    expect(released(after)).toEqual([['other']]);
  });

  it('stops the Job that still writes before it removes anything', () => {
    const plan = planned([deleted({ status: { phase: 'Running', startedAt: '2026-03-10T10:00:00Z' } })], {
      jobs: [job('first-backup')],
    });
    expect(namesOf(plan.stop)).toEqual(['first-backup']);
    expect(plan.start).toEqual([]);
  });

  it('stays while its objects cannot be removed, and says what to do', () => {
    const plan = planned([deleted()], { jobs: [job('first-removal', 'Failed', 'backoff limit')] });
    expect(released(plan)).toEqual([]);
    expect(plan.told('first')).toMatchObject({ phase: 'Deleting', reason: 'RemovalFailed' });
    expect(plan.told('first').message).toContain('kubectl -n default delete job first-removal');
    expect(plan.told('first').message).toContain('set spec.deletionPolicy to Retain');
  });

  it('goes at once if nothing was stored, or if what is stored stays', () => {
    expect(released(planned([deleted({ status: { phase: 'Pending' } })]))).toEqual([['other']]);
    expect(released(planned([deleted({ spec: { deletionPolicy: 'Retain' } })]))).toEqual([['other']]);
  });
});
