import type { BackupResult } from '../../../backup/contract/contract.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { BackupReason } from '../../resource/backupReasons.ts';
import type { BackupPhase, WhatsAppBackup, WhatsAppBackupStatus } from '../../resource/whatsAppBackup.ts';
import { BACKUP_FINALIZER, backupJobName, isSnapshotOf, phaseOf } from '../facts/backups.ts';
import { isComplete } from '../tell/workloadChecks.ts';
import { obstacleOfSettings, settingsOf } from './backupSettings.ts';
import { type BackupStep, type BackupsObserved, failureOf, told } from './backupStep.ts';
import { stepOfVerification } from './backupVerification.ts';

/** What becomes of a backup that is not being deleted. `running`: another one of the stack. */
export function stepOfMaking(
  backup: WhatsAppBackup,
  running: WhatsAppBackup | undefined,
  observed: BackupsObserved,
): BackupStep {
  const { finalizers } = backup.metadata;
  const has = finalizers.includes(BACKUP_FINALIZER);
  const wants = backup.spec.deletionPolicy === 'Delete';
  const step = progressOf(backup, running, observed);
  if (has === wants) return step;
  return {
    ...step,
    finalizers: wants
      ? [...finalizers, BACKUP_FINALIZER]
      : finalizers.filter((name) => name !== BACKUP_FINALIZER),
  };
}

function progressOf(
  backup: WhatsAppBackup,
  running: WhatsAppBackup | undefined,
  observed: BackupsObserved,
): BackupStep {
  const { jobs, nowMs } = observed;
  const { status } = backup;
  const phase = phaseOf(backup);
  if (phase === 'Completed') return stepOfVerification(backup, observed);
  if (status && phase === 'Failed') return { status };
  const job = jobs.get(backupJobName(backup.metadata.name, 'run'));
  if (job) return { status: statusOfJob(asBegun(backup, job, observed), job, observed) };
  const say = (to: BackupPhase, reason: BackupReason, message: string): BackupStep => ({
    status: told(backup, to, reason, message, nowMs),
  });
  if (phase === 'Running')
    return say(
      'Failed',
      'JobDeleted',
      `Job ${backupJobName(backup.metadata.name, 'run')} was deleted before it ended; create another WhatsAppBackup`,
    );
  const obstacle = obstacleTo(backup, running, observed);
  const settings = settingsOf(backup, observed);
  if (obstacle || !settings) return say('Pending', ...(obstacle ?? NOT_CONFIGURED));
  return {
    status: told(backup, 'Running', 'Running', 'the Job has been created', nowMs, {
      startedAt: new Date(nowMs).toISOString(),
      ...settings.described,
    }),
    start: settings.job('run'),
  };
}

/** The Job comes before the status that describes it, and an operator may stop between the two. */
function asBegun(backup: WhatsAppBackup, job: KubeObject, observed: BackupsObserved): WhatsAppBackup {
  if (backup.status?.startedAt) return backup;
  const startedAt = job.metadata.creationTimestamp ?? new Date(observed.nowMs).toISOString();
  return {
    ...backup,
    status: { ...backup.status, startedAt, ...settingsOf(backup, observed)?.described },
  };
}

const NOT_CONFIGURED = ['NotConfigured', 'set spec.destination'] as const;

/** Why a backup cannot begin yet. */
function obstacleTo(
  backup: WhatsAppBackup,
  running: WhatsAppBackup | undefined,
  observed: BackupsObserved,
): readonly [BackupReason, string] | undefined {
  const { stack } = observed;
  const { deployment } = backup.spec;
  if (!stack)
    return [
      'DeploymentMissing',
      `there is no WhatsAppDeployment ${deployment}; create it, or delete this WhatsAppBackup`,
    ];
  // The nodes have been stopped for it, and nobody renews the conditions of a stack that is being deleted.
  const isLast = isSnapshotOf(backup, stack);
  if (stack.spec.paused && !isLast)
    return [
      'Paused',
      `spec.paused of WhatsAppDeployment ${deployment} is true; run: kubectl waba resume ${deployment}`,
    ];
  if (stack.spec.hibernated && !isLast)
    return [
      'Hibernated',
      `WhatsAppDeployment ${deployment} hibernates, and its database with it; run: kubectl waba hibernate ${deployment} --wake`,
    ];
  const ofSettings = obstacleOfSettings(backup, observed);
  if (ofSettings) return ofSettings;
  const isTrue = (type: string) =>
    stack.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True');
  if (!isLast && (!isTrue('DatabaseReady') || !isTrue('SchemaReady')))
    return ['DatabaseNotReady', `the database of ${deployment} is not ready; the backup begins when it is`];
  if (running) return ['Queued', `waiting until the backup ${running.metadata.name} has ended`];
  return undefined;
}

function statusOfJob(
  backup: WhatsAppBackup,
  job: KubeObject,
  { reports, nowMs }: BackupsObserved,
): WhatsAppBackupStatus {
  const { result, problem, progress } = reports.get(job.metadata.name) ?? {};
  const completedAt = (text: string | undefined) => ({ completedAt: text ?? new Date(nowMs).toISOString() });
  if (isComplete(job)) {
    const { completionTime } = (job.status ?? {}) as { readonly completionTime?: string };
    const good = result?.ok ? result : undefined;
    return told(backup, 'Completed', 'Completed', summaryOf(good), nowMs, {
      ...completedAt(completionTime),
      ...(good?.storedBytes === undefined ? {} : { storedBytes: good.storedBytes }),
      ...(good?.plainBytes === undefined ? {} : { plainBytes: good.plainBytes }),
      ...(good?.databases ? { databases: good.databases.slice(0, 64) } : {}),
      ...(good?.warnings.length ? { warnings: good.warnings.slice(0, 32) } : {}),
    });
  }
  const failure = failureOf(job, reports.get(job.metadata.name));
  if (failure) return told(backup, 'Failed', failure.reason, failure.message, nowMs, completedAt(undefined));
  if (problem) return told(backup, 'Running', 'PodProblem', problem.text, nowMs);
  const message = progress
    ? `writing ${progress.object}, ${progress.bytes} bytes so far`
    : result && !result.ok
      ? `the first try failed, and the Job tries again: ${result.message}`
      : 'the Job runs';
  return told(backup, 'Running', 'Running', message, nowMs, progress ? { progress } : {});
}

function summaryOf(result: Extract<BackupResult, { ok: true }> | undefined): string {
  const size = result?.storedBytes === undefined ? '' : `, ${result.storedBytes} bytes`;
  const lacks = result?.warnings.length ? `; it lacks: ${result.warnings.join('; ')}` : '';
  return `the backup is complete${size}${lacks}`;
}
