import { CodedError } from '../base/codedError.ts';
import { safeJson } from '../base/safeJson.ts';
import { seal } from '../base/sealedBox.ts';
import type { BackupContext } from './backupContext.ts';
import { OBJECTS } from './contract/contract.ts';
import { type OpenedBackup, openedBackup } from './contract/openedBackup.ts';
import { type OpenBackup, openBackup } from './openBackup.ts';
import { needed } from './parseBackupEnvironment.ts';
import type { Outcome } from './report.ts';
import { outcomeOf } from './runBackup.ts';

/**
 * Prints one line with what the operator needs before it makes a stack from a backup: the facts and the Secrets, sealed for
 * the key in `WABA_BACKUP_READER_KEY`. @throws CodedError those of `openBackup`, `BadEnvironment`
 */
export async function openForOperator(
  context: BackupContext,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const readerKey = needed(context.environment, 'WABA_BACKUP_READER_KEY');
  const backup = await openBackup(context, signal);
  const { manifest } = backup;
  const has = (object: string) => manifest.objects.some(({ path }) => path === object);
  const opened: OpenedBackup = {
    folder: manifest.folder,
    name: manifest.name,
    finishedAt: manifest.finishedAt,
    facts: manifest.facts,
    engine: manifest.engine,
    hasMedia: has(OBJECTS.media),
    secrets: has(OBJECTS.secrets) ? await secretsOf(backup, signal) : {},
  };
  print(JSON.stringify({ sealed: seal(JSON.stringify(opened), readerKey) }));
  return outcomeOf(manifest);
}

async function secretsOf(
  { objects, keys, root }: OpenBackup,
  signal: AbortSignal,
): Promise<OpenedBackup['secrets']> {
  const text = await objects.readSealed(OBJECTS.secrets, keys, signal);
  const { data } = openedBackup.shape.secrets.safeParse(safeJson(text));
  if (data) return data;
  throw new CodedError('BackupCorrupted', `${root}/${OBJECTS.secrets} does not hold Secrets`);
}
