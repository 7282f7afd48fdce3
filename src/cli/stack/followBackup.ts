import { systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { backupFolder } from '../../operator/plan/facts/backups.ts';
import { backupReasons } from '../../operator/resource/backupReasons.ts';
import type { Reason } from '../../operator/resource/conditions.ts';
import type { WhatsAppBackup } from '../../operator/resource/whatsAppBackup.ts';
import type { ClusterAccess } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { shortSize } from '../shortSize.ts';
import { getBackup } from './backups.ts';
import { follow } from './follow.ts';

/** What a person must mend may only look so, while the operator has not seen an object that was created just before. */
const GRACE_MS = 5_000;

/**
 * Prints a line whenever a backup gets further, and in the end what was stored.
 * @throws CodedError with the reason why it failed or waits, and what to do; CommandExit on Ctrl-C, which leaves it going
 */
export async function followBackup(
  access: ClusterAccess,
  name: string,
  context: CliContext,
  { graceMs = GRACE_MS }: { readonly graceMs?: number } = {},
): Promise<void> {
  const startedMs = systemClock.now();
  await follow(
    async (tell) => {
      const backup = await getBackup(access, name, context);
      throwIfFailed(backup);
      tell(lineOf(backup));
      if (backup.status?.phase === 'Completed') return backup;
      if (systemClock.now() - startedMs >= graceMs) throwIfWaiting(backup);
      return undefined;
    },
    {
      say: (line) => context.stdout.write(`${line}\n`),
      interrupted: `the operator goes on with the backup ${name}; \`kubectl waba backup list\` shows it, \`kubectl -n ${access.namespace} delete wabk ${name}\` stops it`,
    },
    context.signal,
  );
}

/** Why the backup is where it is. */
export function reasonOf({ status }: WhatsAppBackup): { readonly reason: string; readonly message: string } {
  const complete = status?.conditions?.find(({ type }) => type === 'Complete');
  return { reason: complete?.reason ?? '-', message: complete?.message ?? '' };
}

function lineOf(backup: WhatsAppBackup): string {
  const { phase, progress } = backup.status ?? {};
  if (phase === undefined) return 'waiting for the operator';
  if (phase === 'Completed') return storedText(backup);
  if (phase === 'Running' && progress?.object)
    return `Running: writing ${progress.object}, ${shortSize(progress.bytes ?? 0)} so far`;
  return `${phase}: ${reasonOf(backup).message}`;
}

function storedText(backup: WhatsAppBackup): string {
  const { metadata, status = {} } = backup;
  const { storedBytes, plainBytes, startedAt, completedAt, databases = [], location, warnings = [] } = status;
  const seconds = Math.round((Date.parse(completedAt ?? '') - Date.parse(startedAt ?? '')) / 1000);
  const facts = [
    storedBytes === undefined ? '' : `${shortSize(storedBytes)} stored`,
    plainBytes === undefined ? '' : `${shortSize(plainBytes)} before encryption`,
    Number.isFinite(seconds) ? `in ${seconds} s` : '',
  ].filter(Boolean);
  return [
    [`${metadata.name} is complete`, facts.join(', ')].filter(Boolean).join(': '),
    ...(databases.length > 0 ? [`databases: ${databases.join(', ')}`] : []),
    ...(location ? [`stored in: ${location}, folder ${backupFolder(backup)}/${metadata.name}`] : []),
    ...warnings.map((warning) => `it lacks: ${warning}`),
  ].join('\n');
}

export const fixOf = (reason: string): string | undefined =>
  (backupReasons as Readonly<Record<string, Reason>>)[reason]?.fix;

function throwIfFailed(backup: WhatsAppBackup): void {
  const { name } = backup.metadata;
  const { reason, message } = reasonOf(backup);
  if (backup.status?.phase === 'Deleting')
    throw new CodedError('BackupDeleted', `somebody deleted the backup ${name}: ${message}`);
  if (backup.status?.phase !== 'Failed') return;
  const fix = fixOf(reason);
  throw new CodedError(
    reason,
    `the backup ${name} failed, ${reason}: ${message}${fix ? `\nwhat to do: ${fix}` : ''}`,
  );
}

/** A backup that waits for a person begins as soon as the cause is mended. */
function throwIfWaiting(backup: WhatsAppBackup): void {
  const { name, namespace } = backup.metadata;
  const { reason, message } = reasonOf(backup);
  if (backup.status?.phase !== 'Pending' || fixOf(reason) === undefined) return;
  throw new CodedError(
    reason,
    `the backup ${name} waits, ${reason}: ${message}\nwhat to do: mend that, and the backup begins by itself; \`kubectl -n ${namespace} delete wabk ${name}\` gives it up`,
  );
}
