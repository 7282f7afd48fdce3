import { CodedError } from '../base/codedError.ts';
import { type BackupKeys, openKeys } from './ageKeys.ts';
import { type BackupContext, namedBackup, passphraseOf } from './backupContext.ts';
import { OBJECTS } from './contract/contract.ts';
import { type Manifest, manifestText, parseManifest } from './manifest.ts';

export type OpenBackup = ReturnType<typeof namedBackup> & {
  readonly manifest: Manifest;
  readonly keys: BackupKeys;
};

/**
 * Opens the backup that the variables name. The encrypted manifest decides; the plain one must say the same.
 * @throws CodedError `BackupNotFound`, `BackupIncomplete`, `PassphraseWrong`, `BackupCorrupted`, `BackupTooNew`
 */
export async function openBackup(context: BackupContext, signal: AbortSignal): Promise<OpenBackup> {
  const backup = namedBackup(context);
  const { root, objects, folder, name } = backup;
  const plain = await objects.readPlain(OBJECTS.manifest, signal);
  const identityFile = await objects.readPlain(OBJECTS.identity, signal);
  if (!plain && !identityFile)
    throw new CodedError(
      'BackupNotFound',
      `there is no backup ${root}; \`waba-backup list\` names those that there are`,
    );
  if (!plain || !identityFile)
    throw new CodedError(
      'BackupIncomplete',
      `${root} lacks ${plain ? OBJECTS.identity : OBJECTS.manifest}, so it was never completed or is being removed`,
    );
  const keys = await openKeys(identityFile, await passphraseOf(context.environment));
  const text = await objects.readSealed(OBJECTS.sealedManifest, keys, signal);
  const manifest = parseManifest(text, `${root}/${OBJECTS.sealedManifest}`);
  if (manifest.folder !== folder || manifest.name !== name)
    throw new CodedError(
      'BackupCorrupted',
      `${root} holds the backup ${manifest.folder}/${manifest.name}; move it back to where it was made`,
    );
  if (plain.toString('utf8') !== manifestText(manifest))
    throw new CodedError(
      'BackupCorrupted',
      `${root}/${OBJECTS.manifest} was changed; the encrypted one differs`,
    );
  return { ...backup, manifest, keys };
}
