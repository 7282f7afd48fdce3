import type { BackupReason } from '../../resource/backupReasons.ts';
import type { BackupDestination } from '../../resource/backupSpec.ts';
import { MANAGED_ENGINES } from '../../resource/managedEngines.ts';
import type { WhatsAppBackup } from '../../resource/whatsAppBackup.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { type BackupTask, backupSecretKeys, isSnapshotOf } from '../facts/backups.ts';
import { databaseEngine } from '../render/agentTools.ts';
import { backupJob, verificationJob } from '../render/backupJob.ts';
import type { BackupsObserved } from './backupStep.ts';

interface Configured {
  readonly destination: BackupDestination;
  readonly encryptionSecret: string;
  readonly media: boolean;
}

/** Where the backup goes and how it is encrypted, or what is not said. */
function configurationOf(
  { spec }: WhatsAppBackup,
  stack: WhatsAppDeployment | undefined,
): Configured | string {
  const byDefault = stack?.spec.backup;
  const destination = spec.destination ?? byDefault?.destination;
  const encryption = spec.encryptionSecretRef ?? byDefault?.encryptionSecretRef;
  const where = `here, or in spec.backup of WhatsAppDeployment ${spec.deployment}`;
  if (!destination) return `set spec.destination ${where}`;
  if (!encryption) return `set spec.encryptionSecretRef ${where}`;
  return { destination, encryptionSecret: encryption.name, media: spec.media ?? byDefault?.media ?? false };
}

/** What is not said about a backup, or which Secret of it is missing. */
export function obstacleOfSettings(
  backup: WhatsAppBackup,
  { stack, hasKey }: BackupsObserved,
): readonly [BackupReason, string] | undefined {
  const configured = configurationOf(backup, stack);
  if (typeof configured === 'string') return ['NotConfigured', configured];
  for (const [secret, key] of backupSecretKeys(configured))
    if (!hasKey(secret, key))
      return ['SecretMissing', `Secret ${secret} with key ${key} does not exist; create it`];
  return undefined;
}

/** The Jobs of a backup, and what the status says of it; undefined if nothing says where the backup is. */
export function settingsOf(backup: WhatsAppBackup, observed: BackupsObserved) {
  const { stack } = observed;
  const configured = configurationOf(backup, stack);
  if (typeof configured === 'string') return undefined;
  const { client, shards } = stack?.status ?? {};
  // A stack that is being deleted may tell nothing of its database any more, and later it is gone.
  const engine = stack ? databaseEngine(stack) : backup.status?.engine;
  return {
    described: {
      location: locationOf(configured.destination),
      ...(engine ? { engine } : {}),
      ...(client?.version ? { version: client.version } : {}),
      ...(shards?.desired ? { shards: shards.desired } : {}),
    },
    job: (task: BackupTask) => {
      // No Webapp runs for the last backup.
      const serverName = stack && isSnapshotOf(backup, stack) ? undefined : observed.serverName;
      return backupJob({ ...observed, ...configured, serverName, task, backup });
    },
    verification: (attempt: number) =>
      verificationJob({ ...observed, ...configured, backup, attempt, engine: engineOf(backup, stack) }),
  };
}

/** That of the stack when the backup was made: another one may bear its name now, or none. */
const engineOf = ({ status }: WhatsAppBackup, stack: WhatsAppDeployment | undefined) =>
  MANAGED_ENGINES.find((engine) => engine === status?.engine) ??
  (stack ? databaseEngine(stack) : 'PostgreSQL');

const locationOf = ({ claim, s3 }: BackupDestination): string =>
  s3
    ? [`s3:/`, s3.bucket, s3.prefix].filter((part) => part !== undefined).join('/')
    : [`PersistentVolumeClaim ${claim?.name}`, claim?.path].filter((part) => part !== undefined).join('/');
