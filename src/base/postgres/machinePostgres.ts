import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isExecutable, runBound } from '../childProcess.ts';

/** The oldest release that the stack is tried with. */
const OLDEST_RELEASE = 15;
const RELEASE = /\) (\d+)/;

/** Where packages put the programs of a release: Debian and Ubuntu, Fedora and its relatives, Homebrew on two processors. */
const FOLDERS: readonly ((release: number) => string)[] = [
  (release) => `/usr/lib/postgresql/${release}`,
  (release) => `/usr/pgsql-${release}`,
  (release) => `/opt/homebrew/opt/postgresql@${release}`,
  (release) => `/usr/local/opt/postgresql@${release}`,
];

interface Machine {
  /** What `pg_dump --version` prints. @throws if there is no pg_dump */
  dumpVersion(): Promise<string>;
  has(program: string): boolean;
}

const thisMachine: Machine = {
  dumpVersion: () => runBound(['pg_dump', '--version'], {}),
  has: isExecutable,
};

/**
 * The folder of this machine's PostgreSQL, if its server is of the same release as its pg_dump, which refuses newer servers.
 * A data folder of another release stays with the programs that npm installs.
 * @returns undefined: take those of npm
 */
export async function machinePostgres(
  dataFolder: string,
  machine: Machine = thisMachine,
): Promise<string | undefined> {
  const version = await machine.dumpVersion().catch(() => '');
  const release = Number(RELEASE.exec(version)?.[1] ?? 0);
  if (release < OLDEST_RELEASE) return undefined;
  const data = await readFile(join(dataFolder, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (data !== undefined && Number(data) !== release) return undefined;
  return FOLDERS.map((folder) => folder(release)).find((folder) =>
    ['postgres', 'initdb'].every((name) => machine.has(join(folder, 'bin', name))),
  );
}
