import { CodedError, describeError } from '../base/codedError.ts';
import { VERSION } from '../base/version.ts';
import { type BackupKeys, createKeys } from './ageKeys.ts';
import { type BackupContext, namedBackup, passphraseOf } from './backupContext.ts';
import { OBJECTS } from './contract/contract.ts';
import { dumpDatabases } from './databaseDumps.ts';
import { type Manifest, manifestText, type StoredObject } from './manifest.ts';
import { type ObjectStore, once } from './objectStore.ts';
import type { Outcome } from './report.ts';
import { secretsText } from './secretsText.ts';
import { settingsBlob } from './settingsBlob.ts';

/**
 * Makes a backup. `manifest.json` is written last and only if all else is stored; whatever interrupts the work leaves a
 * backup that nobody takes for complete, and that a second run of the same name replaces.
 */
export async function runBackup(context: BackupContext, signal: AbortSignal): Promise<Outcome> {
  const { environment, clock } = context;
  const { folder, name, root, objects } = namedBackup(context);
  const startedAt = new Date(clock.now()).toISOString();
  const passphrase = await passphraseOf(environment);
  if (await objects.readPlain(OBJECTS.manifest, signal))
    throw new CodedError('BackupExists', `${root} is a complete backup; choose another WABA_BACKUP_NAME`);
  const { keys, identityFile } = await createKeys(passphrase);
  // The first write: a destination that refuses it is found out before the database is read.
  await objects.storePlain(OBJECTS.identity, identityFile, signal);

  const extras = { context, objects, keys, passphrase, signal };
  const secrets = await storeSecrets(extras);
  const server = await context.openServer();
  const dumped = await dumpDatabases(context, server, objects, keys, signal).finally(() => server.close());
  const parts = [secrets, await storeSettings(extras), await storeMedia(extras)];

  const manifest: Manifest = {
    formatVersion: 1,
    folder,
    name,
    startedAt,
    finishedAt: new Date(clock.now()).toISOString(),
    facts: environment.WABA_BACKUP_FACTS,
    engine: server.engine,
    tools: { program: VERSION, server: dumped.server, dump: dumped.tool },
    dumps: [...dumped.dumps],
    objects: [...dumped.objects, ...parts.flatMap(({ object }) => object ?? [])],
    warnings: [...dumped.warnings, ...parts.flatMap(({ warning }) => warning ?? [])],
  };
  const text = manifestText(manifest);
  await objects.store(OBJECTS.sealedManifest, once(Buffer.from(text)), keys, signal);
  // A Job can run two pods for a moment. Then one of them has replaced the keys.
  const key = await objects.readPlain(OBJECTS.identity, signal);
  if (!key?.equals(identityFile))
    throw new CodedError('BackupIncomplete', `another agent writes to ${root} too`, { retriable: true });
  await objects.storePlain(OBJECTS.manifest, text, signal);
  return outcomeOf(manifest);
}

/** Sizes, databases and warnings of a backup. */
export function outcomeOf({ name, objects, dumps, warnings }: Manifest): Outcome {
  const sum = (of: (object: StoredObject) => number) =>
    objects.reduce((total, object) => total + of(object), 0);
  return {
    name,
    storedBytes: sum(({ storedBytes }) => storedBytes),
    plainBytes: sum(({ plainBytes }) => plainBytes),
    databases: dumps.flatMap(({ databases }) => databases),
    warnings,
  };
}

interface Extras {
  readonly context: BackupContext;
  readonly objects: ObjectStore;
  readonly keys: BackupKeys;
  readonly passphrase: string;
  readonly signal: AbortSignal;
}
interface Part {
  readonly object?: StoredObject;
  readonly warning?: string;
}

async function storeSecrets({ context, objects, keys, signal }: Extras): Promise<Part> {
  const { WABA_BACKUP_SECRETS_FOLDER: folder } = context.environment;
  if (folder === undefined) return { warning: 'without Secrets: WABA_BACKUP_SECRETS_FOLDER is not set' };
  const { text, count } = await secretsText(folder);
  const object = await objects.store(OBJECTS.secrets, once(Buffer.from(text)), keys, signal);
  return { object: { ...object, counts: { secrets: count } } };
}

/** The dump holds the settings too: a stack that does not answer must not keep its data from being saved. */
async function storeSettings({ context, objects, keys, passphrase, signal }: Extras): Promise<Part> {
  const { WABA_API_URL: url } = context.environment;
  if (url === undefined) return {};
  let data: string;
  try {
    data = await settingsBlob(context.environment, url, passphrase, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { warning: `without the stack's own backup of its settings: ${describeError(error)}` };
  }
  const object = await objects.store(
    OBJECTS.settings,
    once(Buffer.from(`${JSON.stringify({ data })}\n`)),
    keys,
    signal,
  );
  return { object };
}

async function storeMedia({ context, objects, keys, signal }: Extras): Promise<Part> {
  const { WABA_BACKUP_MEDIA_FOLDER: folder } = context.environment;
  if (folder === undefined) return {};
  const { MediaTar } = await import('./mediaTar.ts');
  const tar = new MediaTar(folder);
  const object = await objects.store(OBJECTS.media, tar.content(signal), keys, signal);
  const { files, skipped } = tar;
  return {
    object: { ...object, counts: { files, skipped } },
    ...(skipped > 0 ? { warning: `${skipped} media files vanished or shrank while they were read` } : {}),
  };
}
