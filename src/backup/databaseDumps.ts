import { CodedError } from '../base/codedError.ts';
import type { BackupKeys } from './ageKeys.ts';
import { type BackupContext, pipeOptions } from './backupContext.ts';
import type { BackupServer, Snapshot } from './backupServer.ts';
import { databaseDump, databasesDump } from './contract/contract.ts';
import type { ManifestDump, StoredObject } from './manifest.ts';
import type { ObjectStore } from './objectStore.ts';
import { compressed, sqlForm } from './sqlCompression.ts';
import { SqlRows } from './sqlRows.ts';
import { stackDatabases } from './stackDatabases.ts';
import { ToolPipe } from './toolPipe.ts';

type Bytes = AsyncIterable<Uint8Array>;

interface Dumped {
  readonly server: string;
  readonly tool: string;
  readonly dumps: readonly ManifestDump[];
  readonly objects: readonly StoredObject[];
  readonly warnings: readonly string[];
}

/** Dumps all databases of the stack into objects. @throws CodedError `DumpFailed`, `DatabaseMissing`, … */
export async function dumpDatabases(
  context: BackupContext,
  server: BackupServer,
  store: ObjectStore,
  keys: BackupKeys,
  signal: AbortSignal,
): Promise<Dumped> {
  const databases = stackDatabases(await server.databases(), server.prefix);
  const snapshots: (Snapshot | undefined)[] = [];
  try {
    // PostgreSQL has no snapshot over databases: these are taken within milliseconds of one another.
    if (server.engine === 'PGSQL') for (const name of databases) snapshots.push(await server.snapshot(name));
    const lines =
      server.engine === 'PGSQL'
        ? databases.map((name, index) => [name, snapshots[index]?.id ?? ''])
        : [databases];
    const pipe = await ToolPipe.open(pipeOptions(context), 'dump', server.tls, lines);
    let hasFailed = true;
    try {
      const dump = { pipe, store, keys, signal };
      const made =
        server.engine === 'PGSQL'
          ? await dumpEach(dump, databases, snapshots)
          : [await dumpTogether(dump, databases)];
      const complaints = (await Promise.all(made.map((_, index) => pipe.complaints(index + 1)))).flat();
      hasFailed = false;
      return {
        server: await server.version(),
        tool: await pipe.version(signal),
        dumps: made.map(({ dump }) => dump),
        objects: made.map(({ object }) => object),
        warnings: complaints.map((line) => `the dump tool says: ${line}`),
      };
    } finally {
      await pipe.close(hasFailed);
    }
  } finally {
    await Promise.all(snapshots.map((snapshot) => snapshot?.close()));
  }
}

interface Dump {
  readonly pipe: ToolPipe;
  readonly store: ObjectStore;
  readonly keys: BackupKeys;
  readonly signal: AbortSignal;
}

/** PostgreSQL: one dump for each database, and rows counted in the same snapshot. */
async function dumpEach(
  { pipe, store, keys, signal }: Dump,
  databases: readonly string[],
  snapshots: readonly (Snapshot | undefined)[],
) {
  const made: { dump: ManifestDump; object: StoredObject }[] = [];
  for (const [index, name] of databases.entries()) {
    const path = databaseDump(name);
    const object = await store.store(path, pipe.source(index + 1, signal), keys, signal);
    const rows = (await snapshots[index]?.rows()) ?? {};
    made.push({ dump: { object: path, databases: [name], rows: inDatabase(name, rows) }, object });
  }
  return made;
}

/** MySQL: one dump, because one transaction reads all databases. Rows are counted as they pass. */
async function dumpTogether({ pipe, store, keys, signal }: Dump, databases: readonly string[]) {
  const path = databasesDump(sqlForm);
  const counted = new SqlRows();
  const object = await store.store(path, compressed(whole(counted, pipe.source(1, signal))), keys, signal);
  return { dump: { object: path, databases: [...databases], rows: counted.rows }, object };
}

async function* whole(counted: SqlRows, content: Bytes): AsyncGenerator<Uint8Array> {
  yield* counted.of(content);
  if (!counted.isComplete)
    throw new CodedError('DumpFailed', 'the dump ends without the last line of its tool', {
      retriable: true,
    });
}

export const inDatabase = (
  database: string,
  rows: Readonly<Record<string, number>>,
): Record<string, number> =>
  Object.fromEntries(Object.entries(rows).map(([table, count]) => [`${database}.${table}`, count]));
