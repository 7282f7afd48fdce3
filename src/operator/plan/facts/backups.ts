import { Cron } from 'croner';
import type { BackupDestination, BackupSpec } from '../../resource/backupSpec.ts';
import { LONGEST_BACKUP_NAME, type WhatsAppBackup } from '../../resource/whatsAppBackup.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { ANNOTATION_PREFIX, MANAGED_BY } from './names.ts';

/** On the Jobs and pods of a backup: its name. They bear no label of the stack, whose pods they are not. */
export const BACKUP_LABEL = `${ANNOTATION_PREFIX}/backup`;
/** On a scheduled backup: the time that it was due, RFC 3339. */
export const SCHEDULED_FOR = `${ANNOTATION_PREFIX}/scheduled-for`;
/** On the last backup of a stack, which its deletion asks for: the UID of the stack. */
export const SNAPSHOT_OF = `${ANNOTATION_PREFIX}/snapshot-of`;
/** On a backup whose stored objects go with it. */
export const BACKUP_FINALIZER = `${ANNOTATION_PREFIX}/stored-backup`;

export const backupLabels = (name: string): Record<string, string> => ({
  'app.kubernetes.io/name': 'whatsapp-business-backup',
  [BACKUP_LABEL]: name,
  ...MANAGED_BY,
});

/** The Jobs of a backup: one makes it, one removes what is stored. */
export const backupJobName = (name: string, task: BackupTask): string =>
  task === 'run' ? `${name}-backup` : `${name}-removal`;
export type BackupTask = 'run' | 'remove';
/** Each attempt has a Job of its own, so that the end of one is never taken for that of another. */
export const verificationJobName = (name: string, attempt: number): string => `${name}-verify-${attempt}`;

/** Where the backups of a stack are below their destination. */
export const backupFolder = ({ metadata, spec }: WhatsAppBackup): string =>
  `${metadata.namespace}/${spec.deployment}`;

/** The keys of Secrets that the pods which reach a backup need. */
export const backupSecretKeys = ({
  destination: { s3 },
  encryptionSecret,
}: {
  readonly destination: BackupDestination;
  readonly encryptionSecret: string;
}): readonly (readonly [secret: string, key: string])[] => [
  [encryptionSecret, 'passphrase'],
  ...(s3
    ? (['accessKeyId', 'secretAccessKey'] as const).map((key) => [s3.credentialsSecretRef.name, key] as const)
    : []),
  ...(s3?.caSecretRef ? [[s3.caSecretRef.name, s3.caSecretRef.key] as const] : []),
];

export const phaseOf = ({ status }: WhatsAppBackup) => status?.phase ?? 'Pending';
export const isScheduled = ({ metadata }: WhatsAppBackup): boolean =>
  metadata.annotations[SCHEDULED_FOR] !== undefined;
const isEnded = (backup: WhatsAppBackup): boolean => ['Completed', 'Failed'].includes(phaseOf(backup));

/** When a backup was made or failed, epoch ms. */
export const endedMs = ({ status, metadata }: WhatsAppBackup): number =>
  Date.parse(status?.completedAt ?? metadata.creationTimestamp);

/** Newest first. */
const byEnd = (a: WhatsAppBackup, b: WhatsAppBackup): number => endedMs(b) - endedMs(a);

/** The good backups of a stack, newest first. */
export const goodBackups = (backups: readonly WhatsAppBackup[]): WhatsAppBackup[] =>
  backups
    .filter((backup) => phaseOf(backup) === 'Completed' && !backup.metadata.deletionTimestamp)
    .sort(byEnd);

/** The newest backup that ended, good or not. */
export const lastEnded = (backups: readonly WhatsAppBackup[]): WhatsAppBackup | undefined =>
  backups.filter(isEnded).sort(byEnd)[0];

/** What is wrong with the schedule: what the CRD's expression lets through, such as an unknown time zone. */
export function backupScheduleProblem(backup: BackupSpec | undefined): string | undefined {
  if (backup?.schedule === undefined) return undefined;
  const { schedule, timeZone } = backup;
  try {
    new Cron(schedule, { timezone: timeZone, paused: true }).nextRun(new Date(0));
    return undefined;
  } catch {
    return `spec.backup: "${schedule}" in time zone "${timeZone}" is not a cron expression in a known time zone; write one such as schedule "0 3 * * *" and timeZone "Europe/Berlin"`;
  }
}

/** When the last scheduled backup was due that has not been made, and when the next one is. */
export interface Due {
  /** Epoch ms. */
  readonly missedMs: number | undefined;
  /** Epoch ms; undefined if the schedule never comes again. */
  readonly nextMs: number | undefined;
}

/** Of several that were missed, only the last is due: their content would be the same. Call it for a valid schedule. */
export function dueBackup(
  { metadata, spec }: Pick<WhatsAppDeployment, 'metadata' | 'spec'>,
  backups: readonly WhatsAppBackup[],
  nowMs: number,
): Due | undefined {
  if (spec.backup?.schedule === undefined || spec.backup.suspend) return undefined;
  const { schedule, timeZone } = spec.backup;
  const cron = new Cron(schedule, { timezone: timeZone, paused: true });
  const made = backups.flatMap(({ metadata: { annotations } }) => {
    const due = annotations[SCHEDULED_FOR];
    return due === undefined ? [] : [Date.parse(due)];
  });
  const lastMs = Math.max(Date.parse(metadata.creationTimestamp), ...made);
  const [previous] = cron.previousRuns(1, new Date(nowMs + 1));
  const previousMs = previous?.getTime();
  return {
    missedMs: previousMs !== undefined && previousMs > lastMs && previousMs <= nowMs ? previousMs : undefined,
    nextMs: cron.nextRun(new Date(nowMs))?.getTime(),
  };
}

/** `shop-20261127-0300`, in UTC, or with seconds. The name of a stack may be too long for it, and is cut then. */
export function datedName(stack: string, ms: number, hasSeconds = false): string {
  const digits = new Date(ms).toISOString().replace(/[-:]/g, '');
  const time = `-${digits.slice(0, 8)}-${digits.slice(9, hasSeconds ? 15 : 13)}`;
  return `${stack.slice(0, LONGEST_BACKUP_NAME - time.length).replace(/-+$/, '')}${time}`;
}

/** The backup that the deletion of a stack asks for. Always the same name, so that no two are made. */
export const snapshotName = ({
  metadata: { name, deletionTimestamp = '' },
}: Pick<WhatsAppDeployment, 'metadata'>): string => datedName(name, Date.parse(deletionTimestamp), true);
export const isSnapshotOf = (
  { metadata }: WhatsAppBackup,
  stack: Pick<WhatsAppDeployment, 'metadata'>,
): boolean =>
  stack.metadata.deletionTimestamp !== undefined && metadata.annotations[SNAPSHOT_OF] === stack.metadata.uid;

/** How many failed scheduled backups stay, so that a person can read why. */
const FAILED_KEPT = 3;

/** The scheduled backups that retention gives up. The last good one always stays. */
export function surplusBackups(
  { retention: { count, days } }: BackupSpec,
  backups: readonly WhatsAppBackup[],
  nowMs: number,
): WhatsAppBackup[] {
  const scheduled = backups.filter(isScheduled).filter(({ metadata }) => !metadata.deletionTimestamp);
  const isOld = (backup: WhatsAppBackup) =>
    days !== undefined && nowMs - endedMs(backup) > days * 24 * 60 * 60_000;
  const [newest] = goodBackups(backups);
  const good = goodBackups(scheduled).filter(
    (backup, index) => backup !== newest && (index >= count || isOld(backup)),
  );
  const failed = scheduled
    .filter((backup) => phaseOf(backup) === 'Failed')
    .sort(byEnd)
    .slice(FAILED_KEPT);
  return [...good, ...failed];
}
