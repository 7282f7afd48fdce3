import { type BackupContext, namedBackup } from './backupContext.ts';
import { OBJECTS } from './contract/contract.ts';
import type { Outcome } from './report.ts';

/**
 * Removes all objects of a backup, and what an interrupted run left of it. `manifest.json` goes first: a removal that breaks
 * off leaves nothing that looks complete. Succeeds if there is no such backup.
 */
export async function removeBackup(context: BackupContext, signal: AbortSignal): Promise<Outcome> {
  const { destination } = context;
  const { name, root } = namedBackup(context);
  await destination.remove(`${root}/${OBJECTS.manifest}`, signal);
  let storedBytes = 0;
  for await (const { path, bytes } of destination.list(root, signal)) {
    await destination.remove(path, signal);
    storedBytes += bytes;
  }
  await destination.sweep(root, signal);
  return { name, storedBytes, warnings: [] };
}
