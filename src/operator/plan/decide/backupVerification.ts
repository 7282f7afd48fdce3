import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { BackupReason } from '../../resource/backupReasons.ts';
import type { WhatsAppBackup, WhatsAppBackupStatus } from '../../resource/whatsAppBackup.ts';
import { BACKUP_LABEL, verificationJobName } from '../facts/backups.ts';
import { isComplete } from '../tell/workloadChecks.ts';
import { obstacleOfSettings, settingsOf } from './backupSettings.ts';
import {
  type BackupStep,
  type BackupsObserved,
  conditionOf,
  failureOf,
  type JobReport,
  withCondition,
} from './backupStep.ts';

/** What becomes of the verification that somebody asks for of a complete backup. It touches nothing of the stack. */
export function stepOfVerification(backup: WhatsAppBackup, observed: BackupsObserved): BackupStep {
  const { spec, status = {} } = backup;
  const attempt = spec.verification?.attempt;
  if (attempt === undefined) return { status, ...stopped(jobsOf(backup, observed)) };
  const name = verificationJobName(backup.metadata.name, attempt);
  const job = observed.jobs.get(name);
  const others = jobsOf(backup, observed).filter(({ metadata }) => metadata.name !== name);
  const isBegun = status.verification?.attempt === attempt;
  const verdict = isBegun ? conditionOf(backup, 'Verified')?.status : undefined;
  if (verdict === 'True') return { status, ...stopped([...others, ...(job ? [job] : [])]) };
  // The Job of a failure stays for its log.
  if (verdict === 'False') return { status, ...stopped(others) };
  return { ...progressOf({ backup, attempt, job, isBegun }, observed), ...stopped(others) };
}

interface Attempt {
  readonly backup: WhatsAppBackup;
  readonly attempt: number;
  readonly job: KubeObject | undefined;
  readonly isBegun: boolean;
}

function progressOf({ backup, attempt, job, isBegun }: Attempt, observed: BackupsObserved): BackupStep {
  const { nowMs } = observed;
  const say = (
    status: 'True' | 'False' | 'Unknown',
    reason: BackupReason,
    message: string,
  ): WhatsAppBackupStatus => withCondition(backup, 'Verified', { status, reason, message }, nowMs);
  const begun = isBegun ? (backup.status?.verification ?? {}) : { attempt, startedAt: timeOf(nowMs) };
  if (job) {
    const report = observed.reports.get(job.metadata.name);
    const verification = { ...begun, completedAt: timeOf(nowMs) };
    if (isComplete(job)) return { status: { ...say('True', 'Verified', countsOf(report)), verification } };
    const failure = failureOf(job, report);
    if (failure) return { status: { ...say('False', failure.reason, failure.message), verification } };
    if (report?.problem)
      return { status: { ...say('Unknown', 'PodProblem', report.problem.text), verification: begun } };
    return { status: { ...say('Unknown', 'Verifying', firstTry(report)), verification: begun } };
  }
  if (isBegun)
    return {
      status: {
        ...say(
          'False',
          'JobDeleted',
          `Job ${verificationJobName(backup.metadata.name, attempt)} was deleted before it ended; run: kubectl waba backup verify ${backup.metadata.name} -n ${backup.metadata.namespace}`,
        ),
        verification: { ...begun, completedAt: timeOf(nowMs) },
      },
    };
  const obstacle = obstacleOfSettings(backup, observed);
  const settings = settingsOf(backup, observed);
  // Without status.verification: it has not begun.
  if (obstacle || !settings) return { status: say('Unknown', ...(obstacle ?? NOT_CONFIGURED)) };
  return {
    status: { ...say('Unknown', 'Verifying', 'the Job has been created'), verification: begun },
    start: settings.verification(attempt),
  };
}

const NOT_CONFIGURED = ['NotConfigured', 'set spec.destination'] as const;
const timeOf = (ms: number): string => new Date(ms).toISOString();

const firstTry = (report: JobReport | undefined): string =>
  report?.result && !report.result.ok
    ? `the first try failed, and the Job tries again: ${report.result.message}`
    : 'the Job reads the backup and restores it into a throw-away database';

function countsOf(report: JobReport | undefined): string {
  const result = report?.result?.ok ? report.result : undefined;
  if (result?.rows === undefined) return 'the backup is whole and can be restored';
  return `the backup is whole and can be restored: ${result.tables ?? 0} tables with ${result.rows} rows, as the backup counted them`;
}

/** All Jobs that verify this backup, of whatever attempt. */
const jobsOf = ({ metadata }: WhatsAppBackup, { jobs }: BackupsObserved): KubeObject[] =>
  [...jobs.values()].filter(
    (job) =>
      job.metadata.labels?.[BACKUP_LABEL] === metadata.name &&
      job.metadata.name.startsWith(`${metadata.name}-verify-`),
  );

/** Not those that are going already. */
function stopped(jobs: readonly KubeObject[]): Pick<BackupStep, 'stop'> {
  const stop = jobs.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return stop.length === 0 ? {} : { stop };
}
