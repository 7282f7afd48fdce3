import { describe, expect, it } from 'vitest';
import { whatsAppBackup } from '../../../../test/support/whatsAppBackup.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { BackupResult } from '../../../backup/contract/contract.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { WhatsAppBackupStatus } from '../../resource/whatsAppBackup.ts';
import { BACKUP_LABEL } from '../facts/backups.ts';
import type { BackupsObserved, JobReport } from './backupStep.ts';
import { planBackups } from './backups.ts';

const NOW = Date.parse('2026-03-10T12:00:00Z');
const BACKUP = { destination: { claim: { name: 'vault' } }, encryptionSecretRef: { name: 'vault-key' } };
const COMPLETE: WhatsAppBackupStatus = {
  phase: 'Completed',
  engine: 'MariaDB',
  storedBytes: 1000,
  conditions: [
    {
      type: 'Complete',
      status: 'True',
      reason: 'Completed',
      message: 'the backup is complete',
      lastTransitionTime: '2026-03-01T00:00:00Z',
    },
  ],
};

const job = (attempt: number, end?: 'Complete' | 'Failed', metadata: object = {}): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: {
    name: `first-verify-${attempt}`,
    uid: `uid-${attempt}`,
    labels: { [BACKUP_LABEL]: 'first' },
    ...metadata,
  },
  status: end ? { conditions: [{ type: end, status: 'True', reason: 'Why', message: 'deadline' }] } : {},
});
const report = (result: Partial<BackupResult> | undefined): JobReport => ({
  result: result && ({ command: 'verify', durationMs: 1, warnings: [], ...result } as BackupResult),
  problem: undefined,
  progress: undefined,
});

/** What becomes of the backup `first`, whose `attempt` somebody asks for. */
function verified(
  attempt: number | undefined,
  status: WhatsAppBackupStatus = COMPLETE,
  {
    jobs = [],
    result,
    ...changes
  }: Partial<Omit<BackupsObserved, 'jobs'>> & {
    readonly jobs?: readonly KubeObject[];
    readonly result?: Partial<BackupResult>;
  } = {},
) {
  const spec = attempt === undefined ? BACKUP : { ...BACKUP, verification: { attempt } };
  const plan = planBackups({
    stack: undefined,
    release: { stack: 'waba-stack:1', database: 'postgres', databaseVersion: '', databaseTls: false },
    offered: { stack: 'waba-stack:1', database: 'postgres' },
    backups: [whatsAppBackup('first', { spec, status })],
    jobs: new Map(jobs.map((one) => [one.metadata.name, one])),
    reports: new Map(jobs.map(({ metadata }) => [metadata.name, report(result)])),
    hasKey: () => true,
    secrets: [],
    serverName: undefined,
    nowMs: NOW,
    ...changes,
  });
  const [next = {}] = plan.statuses.values();
  const condition = next.conditions?.find(({ type }) => type === 'Verified');
  return {
    next,
    verdict: condition && [condition.status, condition.reason, condition.message],
    start: plan.start,
    stop: plan.stop.map(({ metadata }) => metadata.name),
    againMs: plan.againMs,
  };
}
const begun = (attempt: number) => verified(attempt).next;
const passed = (attempt: number) =>
  verified(attempt, begun(attempt), { jobs: [job(attempt, 'Complete')], result: { ok: true } }).next;

describe('the verification of a backup', () => {
  it('begins when somebody asks for it, also when the stack is gone, with the engine of the backup', () => {
    expect(verified(undefined)).toMatchObject({ start: [], verdict: undefined });
    const { next, verdict, start } = verified(1);
    expect(start.map(({ metadata }) => metadata.name)).toEqual(['first-verify-1']);
    expect(JSON.stringify(start)).toContain('docker.io/library/mariadb:11.4');
    expect(verdict).toEqual(['Unknown', 'Verifying', 'the Job has been created']);
    expect(next.verification).toEqual({ attempt: 1, startedAt: '2026-03-10T12:00:00.000Z' });
    expect(next).toMatchObject({ phase: 'Completed', storedBytes: 1000 });
    expect(next.conditions?.map(({ type }) => type)).toEqual(['Complete', 'Verified']);
  });

  it('takes the image of the database that the stack runs', () => {
    const image = (engine: string) => {
      const stack = whatsAppDeployment({
        spec: { database: { managed: { engine } }, images: { database: 'mine:1' } },
      });
      return JSON.stringify(verified(1, COMPLETE, { stack }).start);
    };
    expect(image('MariaDB')).toContain('mine:1');
    expect(image('PostgreSQL')).not.toContain('mine:1');
  });

  it('waits for a backup that is not complete', () => {
    expect(verified(1, { ...COMPLETE, phase: 'Failed' }).start).toEqual([]);
    expect(verified(1, { phase: 'Running' }).verdict).toBeUndefined();
  });

  it('waits for a Secret that is missing, and looks again', () => {
    const waiting = verified(1, COMPLETE, { hasKey: () => false });
    expect(waiting.verdict).toEqual([
      'Unknown',
      'SecretMissing',
      'Secret vault-key with key passphrase does not exist; create it',
    ]);
    expect(waiting).toMatchObject({ start: [], againMs: NOW + 10_000 });
    expect(waiting.next.verification).toBeUndefined();
    expect(verified(1, waiting.next).start).toHaveLength(1);
  });

  it('tells how many tables and rows were there, and deletes its Job once the status says so', () => {
    const jobs = [job(1, 'Complete')];
    const done = verified(1, begun(1), { jobs, result: { ok: true, tables: 12, rows: 345 } });
    expect(done.verdict).toEqual([
      'True',
      'Verified',
      'the backup is whole and can be restored: 12 tables with 345 rows, as the backup counted them',
    ]);
    expect(done.next.verification?.completedAt).toBe('2026-03-10T12:00:00.000Z');
    expect(done.stop).toEqual([]);
    const told = verified(1, done.next, { jobs });
    expect(told).toMatchObject({ next: done.next, start: [], stop: ['first-verify-1'], againMs: undefined });
    const going = [job(1, 'Complete', { deletionTimestamp: '2026-03-10T12:00:00Z' })];
    expect(verified(1, done.next, { jobs: going }).stop).toEqual([]);
  });

  it.each(['PassphraseWrong', 'BackupCorrupted', 'BackupIncomplete', 'BackupNotFound', 'RestoreFailed'])(
    'fails with %s as its program tells it, and keeps the Job for its log',
    (code) => {
      const jobs = [job(1, 'Failed')];
      const result = { ok: false, code, message: 'why', retriable: false } as const;
      const failed = verified(1, begun(1), { jobs, result });
      expect(failed.verdict).toEqual(['False', code, 'why']);
      expect(verified(1, failed.next, { jobs })).toMatchObject({ next: failed.next, start: [], stop: [] });
    },
  );

  it('fails with what Kubernetes says where the program says nothing', () => {
    expect(verified(1, begun(1), { jobs: [job(1, 'Failed')] }).verdict).toEqual([
      'False',
      'JobFailed',
      'deadline',
    ]);
    expect(verified(1, begun(1)).verdict).toEqual([
      'False',
      'JobDeleted',
      'Job first-verify-1 was deleted before it ended; run: kubectl waba backup verify first -n default',
    ]);
  });

  it('tells what keeps its pod from running', () => {
    const reports = new Map([
      ['first-verify-1', { ...report(undefined), problem: { text: 'no image' } as JobReport['problem'] }],
    ]);
    const { verdict } = verified(1, begun(1), { jobs: [job(1)], reports });
    expect(verdict).toEqual(['Unknown', 'PodProblem', 'no image']);
  });

  it('begins again with each higher attempt, and ends the Job of the one before', () => {
    const again = verified(2, passed(1), { jobs: [job(1)] });
    expect(again.verdict?.[1]).toBe('Verifying');
    expect(again.start.map(({ metadata }) => metadata.name)).toEqual(['first-verify-2']);
    expect(again.stop).toEqual(['first-verify-1']);
    expect(again.next.verification).toEqual({ attempt: 2, startedAt: '2026-03-10T12:00:00.000Z' });
    expect(verified(undefined, passed(1), { jobs: [job(1)] }).stop).toEqual(['first-verify-1']);
  });
});
