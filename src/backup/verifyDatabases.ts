import { randomBytes } from 'node:crypto';
import { CodedError } from '../base/codedError.ts';
import type { BackupContext } from './backupContext.ts';
import type { BackupServer } from './backupServer.ts';
import { inDatabase } from './databaseDumps.ts';
import type { OpenBackup } from './openBackup.ts';
import { restoreDumps } from './restoreDumps.ts';
import { VERIFY } from './stackDatabases.ts';

/** Restores the dumps into new databases on the stack's server, compares tables and rows, and drops them. */
export async function verifyDatabases(
  context: BackupContext,
  backup: OpenBackup,
  signal: AbortSignal,
): Promise<void> {
  const server = await context.openServer();
  try {
    checkEngine(server, backup);
    const { prefix } = server;
    const scratch = `${prefix}${VERIFY}${randomBytes(3).toString('hex')}_`;
    const nameOf = (database: string) =>
      `${scratch}${database.startsWith(prefix) ? database.slice(prefix.length) : database}`;
    const databases = backup.manifest.dumps.flatMap(({ databases }) => databases);
    try {
      for (const database of databases) await server.create(nameOf(database));
      await restoreDumps(context, server, backup, nameOf, signal);
      await checkRows(server, backup, nameOf);
    } finally {
      for (const database of databases) await server.drop(nameOf(database));
    }
  } finally {
    await server.close();
  }
}

/** @throws CodedError `RestoreFailed` */
export function checkEngine(server: BackupServer, { manifest }: OpenBackup): void {
  if (server.engine === manifest.engine) return;
  throw new CodedError(
    'RestoreFailed',
    `the backup is of ${manifest.engine}, and WA_DB_ENGINE is ${server.engine}`,
  );
}

/** @throws CodedError `RestoreFailed`, which names the first table that differs */
export async function checkRows(
  server: BackupServer,
  { manifest }: OpenBackup,
  nameOf: (database: string) => string,
): Promise<void> {
  for (const { databases, rows } of manifest.dumps) {
    const restored: Record<string, number> = {};
    for (const database of databases)
      Object.assign(restored, inDatabase(database, await server.rows(nameOf(database))));
    const tables = new Set([...Object.keys(rows), ...Object.keys(restored)]);
    for (const table of tables) {
      if (rows[table] === restored[table]) continue;
      const count = (rows: number | undefined) => (rows === undefined ? 'no such table' : `${rows} rows`);
      throw new CodedError(
        'RestoreFailed',
        `${table}: the backup has ${count(rows[table])}, the restored database ${count(restored[table])}`,
      );
    }
  }
}
