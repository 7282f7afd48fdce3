import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type Clock, sleep } from './clock.ts';
import { CodedError } from './codedError.ts';

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first executable of that name on the PATH. */
export const findExecutable = (name: string, path = process.env.PATH ?? ''): string | undefined =>
  path
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);

const setpriv = process.platform === 'linux' ? findExecutable('setpriv') : undefined;

/** Words before a command that make it die with this process, however this process ends. Empty without setpriv. */
export const deathBound: readonly string[] = setpriv ? [setpriv, '--pdeathsig', 'KILL', '--'] : [];

/** Starts a program that dies with this process, even if SIGKILL ends this process. */
export function spawnBound(command: readonly [string, ...string[]], options: SpawnOptions): ChildProcess {
  const [program, ...args] = [...deathBound, ...command] as [string, ...string[]];
  return spawn(program, args, options);
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Resolves when the program has ended; a program that cannot be started ends with code 127. */
export function exited(child: ChildProcess): Promise<ExitStatus> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve({ code: child.exitCode, signal: child.signalCode });
  }
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: 127, signal: null }));
  });
}

/** Sends SIGTERM (or `signal`), and SIGKILL if the program still runs after `graceMs`. */
export async function terminate(
  child: ChildProcess,
  options: { clock: Clock; graceMs: number; signal?: NodeJS.Signals },
): Promise<ExitStatus> {
  const end = exited(child);
  child.kill(options.signal ?? 'SIGTERM');
  const patience = new AbortController();
  const impatient = sleep(options.clock, options.graceMs, patience.signal)
    .then(() => void child.kill('SIGKILL'))
    .catch(() => {});
  const status = await end;
  patience.abort();
  await impatient;
  return status;
}

const LAST_LINES = 10;

/**
 * Runs a program to its end and returns its stdout. The program dies with this process; `onLine` gets each line of its
 * stderr. @throws CodedError `ProgramFailed`, with the last lines of stderr; the reason of an aborted `signal`
 */
export async function runBound(
  command: readonly [string, ...string[]],
  { onLine, ...options }: Pick<SpawnOptions, 'cwd' | 'env' | 'signal'> & { onLine?: (line: string) => void },
): Promise<string> {
  const child = spawnBound(command, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = text(child.stdout ?? Readable.from([]));
  const lines: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().split('\n').filter(Boolean)) {
      onLine?.(line);
      lines.push(line);
    }
    lines.splice(0, Math.max(0, lines.length - LAST_LINES));
  });
  const { code, signal } = await exited(child);
  options.signal?.throwIfAborted();
  if (code === 0) return printed;
  const end = code === null ? `was ended by ${signal}` : `failed with code ${code}`;
  throw new CodedError('ProgramFailed', `${command.join(' ')} ${end}:\n${lines.join('\n')}`);
}
