import { CodedError } from '../base/codedError.ts';
import { type BackupContext, pipeOptions } from './backupContext.ts';
import type { BackupServer } from './backupServer.ts';
import type { OpenBackup } from './openBackup.ts';
import { renamedDatabases } from './renamedDatabases.ts';
import { decompressed } from './sqlCompression.ts';
import { ToolPipe } from './toolPipe.ts';

/** Feeds the dumps of a backup to the engine's tool, into databases that exist and are empty. @throws CodedError `RestoreFailed` */
export async function restoreDumps(
  context: BackupContext,
  server: BackupServer,
  { manifest, objects, keys }: OpenBackup,
  nameOf: (database: string) => string,
  signal: AbortSignal,
): Promise<void> {
  const lines = manifest.dumps.map(({ databases }) => databases.map(nameOf));
  const pipe = await ToolPipe.open(pipeOptions(context), 'restore', server.tls, lines);
  let hasFailed = true;
  try {
    for (const [index, { object: path, databases }] of manifest.dumps.entries()) {
      const object = manifest.objects.find((object) => object.path === path);
      if (!object)
        throw new CodedError('BackupCorrupted', `the manifest names ${path} as a dump, but no such object`);
      const content = objects.read(object, keys, signal);
      const names = new Map(databases.map((name) => [name, nameOf(name)]));
      const sql = () => renamedDatabases(decompressed(path, content), names);
      await pipe.feed(index + 1, manifest.engine === 'MYSQL' ? sql() : content, signal);
    }
    hasFailed = false;
  } finally {
    await pipe.close(hasFailed);
  }
}
