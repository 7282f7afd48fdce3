import { CodedError } from '../base/codedError.ts';
import type { BackupContext } from './backupContext.ts';
import { OBJECTS } from './contract/contract.ts';
import { MediaFolder } from './mediaFolder.ts';
import { openBackup } from './openBackup.ts';
import { needed } from './parseBackupEnvironment.ts';
import type { Outcome } from './report.ts';

/**
 * Writes the media of a backup into `WABA_BACKUP_MEDIA_FOLDER`, beside a stack that may run. A try after one that was
 * interrupted goes on: what is there already is kept.
 * @throws CodedError those of `openBackup`, `BadEnvironment`, `MediaUnwritable`, `BackupCorrupted`
 */
export async function restoreMedia(context: BackupContext, signal: AbortSignal): Promise<Outcome> {
  const folder = needed(context.environment, 'WABA_BACKUP_MEDIA_FOLDER');
  const { manifest, objects, keys, root } = await openBackup(context, signal);
  const { name } = manifest;
  const object = manifest.objects.find(({ path }) => path === OBJECTS.media);
  if (!object) return { name, warnings: [`${root} was made without media`], media: { restored: 0, kept: 0 } };
  const { restored, kept } = await new MediaFolder(folder).fill(objects.read(object, keys, signal), signal);
  const promised = object.counts?.files;
  if (promised !== undefined && promised !== restored + kept)
    throw new CodedError(
      'BackupCorrupted',
      `${root}/${OBJECTS.media} holds ${restored + kept} files, and the manifest says ${promised}`,
    );
  const { plainBytes, storedBytes } = object;
  return { name, plainBytes, storedBytes, warnings: [], media: { restored, kept } };
}
