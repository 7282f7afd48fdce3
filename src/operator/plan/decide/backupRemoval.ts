import type { BackupReason } from '../../resource/backupReasons.ts';
import type { WhatsAppBackup } from '../../resource/whatsAppBackup.ts';
import { BACKUP_FINALIZER, backupJobName } from '../facts/backups.ts';
import { endOf, isComplete } from '../tell/workloadChecks.ts';
import { settingsOf } from './backupSettings.ts';
import { type BackupStep, type BackupsObserved, told } from './backupStep.ts';

/** What is stored goes first, then the object. */
export function stepOfRemoval(backup: WhatsAppBackup, observed: BackupsObserved): BackupStep {
  const { jobs, reports, nowMs } = observed;
  const { metadata, spec, status = {} } = backup;
  const rest = metadata.finalizers.filter((name) => name !== BACKUP_FINALIZER);
  if (!metadata.finalizers.includes(BACKUP_FINALIZER)) return { status };
  const making = jobs.get(backupJobName(metadata.name, 'run'));
  const removal = jobs.get(backupJobName(metadata.name, 'remove'));
  const isNothingStored = status.startedAt === undefined;
  if (spec.deletionPolicy === 'Retain' || isNothingStored || (removal && isComplete(removal)))
    return { status, finalizers: rest };
  const say = (reason: BackupReason, message: string) => told(backup, 'Deleting', reason, message, nowMs);
  // A backup that is still being written would come back.
  if (making && !isComplete(making) && !endOf(making, 'Failed'))
    return { status: say('Removing', 'stopping the Job that makes the backup'), stop: [making] };
  if (!removal) {
    const settings = settingsOf(backup, observed);
    if (!settings)
      return {
        status: say(
          'RemovalFailed',
          'the stored objects cannot be removed, because nothing says where they are; set spec.deletionPolicy to Retain, which keeps what is stored',
        ),
      };
    return {
      status: say('Removing', `removing what is stored at ${status.location}`),
      start: settings.job('remove'),
    };
  }
  const failure = endOf(removal, 'Failed');
  const { result, problem } = reports.get(removal.metadata.name) ?? {};
  if (!failure && !problem)
    return { status: say('Removing', `removing what is stored at ${status.location}`) };
  const cause =
    result && !result.ok ? result.message : (problem?.text ?? failure?.message ?? failure?.reason ?? '');
  return {
    status: say(
      'RemovalFailed',
      `${cause}; correct it and run: kubectl -n ${metadata.namespace} delete job ${removal.metadata.name}, which tries again; or set spec.deletionPolicy to Retain, which keeps what is stored`,
    ),
  };
}
