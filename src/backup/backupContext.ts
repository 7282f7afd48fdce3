import type { Clock } from '../base/clock.ts';
import type { BackupServer } from './backupServer.ts';
import type { BackupEnvironment } from './contract/contract.ts';
import type { Destination } from './destination.ts';
import { ObjectStore } from './objectStore.ts';
import { needed } from './parseBackupEnvironment.ts';
import { readSecret } from './readSecret.ts';
import type { Progress } from './report.ts';

/** What the commands work with. */
export interface BackupContext {
  readonly environment: BackupEnvironment;
  readonly destination: Destination;
  readonly progress: Progress;
  readonly clock: Clock;
  /** Connects when it is first asked; commands that need no database do not call it. */
  readonly openServer: () => Promise<BackupServer>;
}

/** The backup that the variables name. */
export function namedBackup({ environment, destination, progress }: BackupContext) {
  const { WABA_BACKUP_FOLDER: folder } = environment;
  const name = needed(environment, 'WABA_BACKUP_NAME');
  const root = `${folder}/${name}`;
  return { folder, name, root, objects: new ObjectStore(destination, root, progress) };
}

export const passphraseOf = (environment: BackupEnvironment): Promise<string> =>
  readSecret('WABA_BACKUP_PASSPHRASE_FILE', needed(environment, 'WABA_BACKUP_PASSPHRASE_FILE'));

export const pipeOptions = ({ environment, clock }: BackupContext) => ({
  folder: environment.WABA_BACKUP_PIPE,
  startMs: environment.WABA_BACKUP_START_SECONDS * 1000,
  silenceMs: environment.WABA_BACKUP_SILENCE_SECONDS * 1000,
  clock,
});
