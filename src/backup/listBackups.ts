import { CodedError } from '../base/codedError.ts';
import type { BackupContext } from './backupContext.ts';
import { type ListedBackup, OBJECTS } from './contract/contract.ts';
import { parseManifest } from './manifest.ts';
import { ObjectStore } from './objectStore.ts';
import type { Outcome } from './report.ts';
import { outcomeOf } from './runBackup.ts';

/** Prints a line of JSON for each backup in the folder, by name. It needs no passphrase. */
export async function listBackups(
  context: BackupContext,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const { environment, destination, progress } = context;
  const { WABA_BACKUP_FOLDER: folder } = environment;
  const found = new Map<string, { bytes: number; hasManifest: boolean }>();
  for await (const { path, bytes } of destination.list(folder, signal)) {
    const [name = '', ...rest] = path.slice(folder.length + 1).split('/');
    if (rest.length === 0) continue;
    const known = found.get(name) ?? { bytes: 0, hasManifest: false };
    known.bytes += bytes;
    known.hasManifest ||= rest.join('/') === OBJECTS.manifest;
    found.set(name, known);
  }
  for (const [name, { bytes, hasManifest }] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const objects = new ObjectStore(destination, `${folder}/${name}`, progress);
    const about = hasManifest ? await described(objects, name, signal) : { state: 'incomplete' as const };
    const listed: ListedBackup = { name, storedBytes: bytes, ...about };
    print(JSON.stringify(listed));
  }
  return { warnings: [] };
}

async function described(objects: ObjectStore, name: string, signal: AbortSignal) {
  const content = await objects.readPlain(OBJECTS.manifest, signal);
  // It was removed meanwhile.
  if (!content) return { state: 'incomplete' as const };
  try {
    const manifest = parseManifest(content.toString('utf8'), `${name}/${OBJECTS.manifest}`);
    const { warnings } = outcomeOf(manifest);
    return {
      state: 'complete' as const,
      finishedAt: manifest.finishedAt,
      ...(warnings.length ? { warnings } : {}),
    };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { state: 'broken' as const, problem: error.message };
  }
}
