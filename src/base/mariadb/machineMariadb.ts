import type { ChildProcess } from 'node:child_process';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { findExecutable, runBound, spawnBound } from '../childProcess.ts';
import { CodedError } from '../codedError.ts';

export interface MariadbOptions {
  /** Created by the first start. */
  readonly dataFolder: string;
  readonly host: string;
  readonly port: number;
  /** Of the account root, which may log in from any host. Only the first start sets it. */
  readonly rootPassword: string;
  /** More arguments of the server. */
  readonly args?: readonly string[];
  /** Where the output of the server goes. */
  readonly stdio: 'inherit' | 'pipe';
}

/**
 * Starts the MariaDB of this machine, and returns before it answers. It dies with this process; SIGTERM stops it in order.
 *
 * @throws CodedError `NoMariadb`, `ProgramFailed`
 */
export async function spawnMariadb(options: MariadbOptions): Promise<ChildProcess> {
  const { dataFolder, host, port, args = [], stdio } = options;
  const server = mariadbProgram('mariadbd');
  // A starting server deletes files of its temporary folder. With a shared folder it would delete tables in use by another
  // server, which then crashes.
  const scratch = `${dataFolder}-tmp`;
  await mkdir(scratch, { recursive: true });
  const common = ['--no-defaults', `--tmpdir=${scratch}`, ...ownUser()];
  if (!(await exists(dataFolder))) await install(options, common);
  return spawnBound(
    [
      server,
      ...common,
      ...[`--datadir=${dataFolder}`, `--bind-address=${host}`, `--port=${port}`],
      // In the data folder: the path of a socket may have no more than 107 characters.
      '--socket=mysqld.sock',
      ...args,
    ],
    { stdio: ['ignore', stdio, stdio] },
  );
}

/** The name of an interrupted installation is another one, so that the next start begins anew. */
async function install({ dataFolder, rootPassword }: MariadbOptions, common: readonly string[]) {
  const program = mariadbProgram('mariadb-install-db');
  const unfinished = `${dataFolder}.new`;
  const accounts = `${dataFolder}.sql`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(dirname(dataFolder), { recursive: true });
  await writeFile(accounts, accountsOf(rootPassword), { mode: 0o600 });
  const [noDefaults = '', ...flags] = common;
  const own = [
    ...['--auth-root-authentication-method=normal', '--skip-test-db', `--extra-file=${accounts}`],
    // Else it refuses to go on where the name of the machine has no address.
    '--force',
  ];
  try {
    await runBound([program, noDefaults, `--datadir=${unfinished}`, ...flags, ...own], {});
  } finally {
    await rm(accounts, { force: true });
  }
  await rename(unfinished, dataFolder);
}

/** As the official image makes them. The names of this machine would come before `%`, and have no password. */
function accountsOf(rootPassword: string): string {
  const password = `'${rootPassword.replace(/[\\']/g, '\\$&')}'`;
  return [
    "DELETE FROM mysql.global_priv WHERE Host <> 'localhost';",
    "DELETE FROM mysql.proxies_priv WHERE Host <> 'localhost';",
    'FLUSH PRIVILEGES;',
    `ALTER USER 'root'@'localhost' IDENTIFIED BY ${password};`,
    `CREATE USER 'root'@'%' IDENTIFIED BY ${password};`,
    "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;",
    '',
  ].join('\n');
}

/** Who runs this process owns the files; the server runs as root only if told so. */
const ownUser = (): string[] => (process.getuid?.() === 0 ? ['--user=root'] : []);

/** Debian installs the server in /usr/sbin, which is not on the PATH of everybody. @throws CodedError `NoMariadb` */
export function mariadbProgram(name: 'mariadbd' | 'mariadb-install-db', find = findExecutable): string {
  const found = find(name) ?? find(name, '/usr/sbin');
  if (found) return found;
  throw new CodedError(
    'NoMariadb',
    `there is no ${name} on this machine; install the package mariadb-server (apt-get install mariadb-server)`,
  );
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
