import type { WhatsAppBackup } from '../../resource/whatsAppBackup.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import {
  backupScheduleProblem,
  dueBackup,
  endedMs,
  goodBackups,
  isScheduled,
  lastEnded,
  phaseOf,
} from '../facts/backups.ts';
import { met, unmet, type Verdict } from './conditions.ts';

/** How late a scheduled backup may be: it may wait for the database, and it takes its time. */
const LATE_MS = 60 * 60_000;

/** Whether the stack has a good backup that is not older than its schedule. */
export function backupCurrent(
  resource: WhatsAppDeployment,
  backups: readonly WhatsAppBackup[],
  nowMs: number,
): Verdict<'BackupCurrent'> {
  const { backup: spec } = resource.spec;
  if (!spec) return met('BackupCurrent', 'NotConfigured', 'spec.backup is not set');
  const [good] = goodBackups(backups);
  const known = good
    ? `the last good one is ${good.metadata.name} of ${new Date(endedMs(good)).toISOString()}`
    : 'there is no good one';
  if (spec.schedule === undefined)
    return met('BackupCurrent', 'NotScheduled', `backups are made on demand only; ${known}`);
  // Nothing changes that a backup would have to keep.
  if (resource.spec.hibernated)
    return met('BackupCurrent', 'Hibernated', `no backup is made while the stack hibernates; ${known}`);
  const problem = backupScheduleProblem(spec);
  if (problem !== undefined) return unmet('BackupCurrent', 'BackupWaits', `${problem}; ${known}`);
  if (spec.suspend) return unmet('BackupCurrent', 'Suspended', `spec.backup.suspend is true; ${known}`);
  const ended = lastEnded(backups.filter((backup) => isScheduled(backup) || phaseOf(backup) === 'Completed'));
  if (ended && phaseOf(ended) === 'Failed') {
    const [cause] = ended.status?.conditions ?? [];
    return unmet(
      'BackupCurrent',
      'LastBackupFailed',
      `${ended.metadata.name} failed with ${cause?.reason}: ${cause?.message}; ${known}`,
    );
  }
  const waiting = backups.find((backup) => isScheduled(backup) && phaseOf(backup) === 'Pending');
  const [obstacle] = waiting?.status?.conditions ?? [];
  if (waiting && obstacle && obstacle.reason !== 'Queued')
    return unmet(
      'BackupCurrent',
      'BackupWaits',
      `${waiting.metadata.name} waits, ${obstacle.reason}: ${obstacle.message}; ${known}`,
    );
  const due = dueBackup(resource, [], nowMs - LATE_MS)?.missedMs;
  if (due !== undefined && (!good || endedMs(good) < due))
    return unmet(
      'BackupCurrent',
      'Overdue',
      `the backup of ${new Date(due).toISOString()} has not ended; ${known}; list them with: kubectl -n ${resource.metadata.namespace} get whatsappbackups`,
    );
  if (!good) return unmet('BackupCurrent', 'NoBackupYet', 'the first scheduled backup has not ended yet');
  return met('BackupCurrent', 'Current', known);
}

/** When a backup that is due next is late, epoch ms; undefined without a schedule. */
export function nextLateMs({ metadata, spec }: WhatsAppDeployment, nowMs: number): number | undefined {
  if (spec.hibernated) return undefined;
  if (backupScheduleProblem(spec.backup) !== undefined) return undefined;
  const next = dueBackup({ metadata, spec }, [], nowMs - LATE_MS)?.nextMs;
  return next === undefined ? undefined : next + LATE_MS;
}

/** `status.lastBackup`: the last good backup. */
export const lastBackup = (backups: readonly WhatsAppBackup[]) => {
  const [good] = goodBackups(backups);
  if (!good) return undefined;
  const { startedAt, storedBytes } = good.status ?? {};
  return {
    name: good.metadata.name,
    time: new Date(endedMs(good)).toISOString(),
    ...(storedBytes === undefined ? {} : { bytes: storedBytes }),
    ...(startedAt === undefined
      ? {}
      : { durationSeconds: Math.max(0, Math.round((endedMs(good) - Date.parse(startedAt)) / 1000)) }),
  };
};
