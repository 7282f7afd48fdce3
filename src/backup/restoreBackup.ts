import { CodedError } from '../base/codedError.ts';
import type { BackupContext } from './backupContext.ts';
import { openBackup } from './openBackup.ts';
import type { Outcome } from './report.ts';
import { restoreDumps } from './restoreDumps.ts';
import { outcomeOf } from './runBackup.ts';
import { checkObjects } from './verifyBackup.ts';
import { checkEngine, checkRows } from './verifyDatabases.ts';

/**
 * Restores the databases of a backup under their own names, with the prefix of today. Nothing is written before all objects
 * were read and found right. @throws CodedError `DatabaseNotEmpty` unless told to overwrite
 */
export async function restoreBackup(context: BackupContext, signal: AbortSignal): Promise<Outcome> {
  const backup = await openBackup(context, signal);
  const { manifest } = backup;
  const server = await context.openServer();
  try {
    checkEngine(server, backup);
    const was = prefixOf(manifest.dumps.flatMap(({ databases }) => databases));
    const nameOf = (database: string) => `${server.prefix}${database.slice(was.length)}`;
    const databases = manifest.dumps.flatMap(({ databases }) => databases).map(nameOf);
    const existing = new Set(await server.databases());
    for (const database of databases.filter((name) => existing.has(name))) {
      const tables = Object.keys(await server.rows(database));
      if (tables.length > 0 && !context.environment.WABA_BACKUP_OVERWRITE)
        throw new CodedError(
          'DatabaseNotEmpty',
          `database ${database} holds ${tables.length} tables; stop the stack, and set WABA_BACKUP_OVERWRITE=1 to replace them`,
        );
    }
    await checkObjects(backup, signal);
    for (const database of databases) {
      if (existing.has(database)) await server.drop(database);
      await server.create(database);
    }
    await restoreDumps(context, server, backup, nameOf, signal);
    await checkRows(server, backup, nameOf);
    return { ...outcomeOf(manifest), databases };
  } finally {
    await server.close();
  }
}

const CONFIG = 'configStore';

/** The prefix under which the backup was made: every stack has this database. */
function prefixOf(databases: readonly string[]): string {
  const config = databases.filter((name) => name.endsWith(CONFIG)).sort((a, b) => a.length - b.length)[0];
  return config?.slice(0, -CONFIG.length) ?? '';
}
