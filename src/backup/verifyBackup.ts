import type { BackupContext } from './backupContext.ts';
import { type OpenBackup, openBackup } from './openBackup.ts';
import type { Outcome } from './report.ts';
import { outcomeOf } from './runBackup.ts';
import { verifyDatabases } from './verifyDatabases.ts';

/**
 * Reads a whole backup: each object decrypts, and all sums are right. If the variables ask for it, the dumps are restored into
 * databases that are dropped again.
 */
export async function verifyBackup(context: BackupContext, signal: AbortSignal): Promise<Outcome> {
  const backup = await openBackup(context, signal);
  await checkObjects(backup, signal);
  const outcome = outcomeOf(backup.manifest);
  if (!context.environment.WABA_BACKUP_VERIFY_DATABASES) return outcome;
  await verifyDatabases(context, backup, signal);
  // It compared them with those of the restored databases.
  const counts = backup.manifest.dumps.flatMap(({ rows }) => Object.values(rows));
  return { ...outcome, tables: counts.length, rows: counts.reduce((sum, count) => sum + count, 0) };
}

/** @throws CodedError `BackupIncomplete`, `BackupCorrupted` */
export async function checkObjects(
  { manifest, objects, keys }: OpenBackup,
  signal: AbortSignal,
): Promise<void> {
  for (const object of manifest.objects) {
    for await (const _ of objects.read(object, keys, signal));
  }
}
