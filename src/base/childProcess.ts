import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Clock, sleep } from './clock.ts';

/** The first executable of that name on the PATH. */
export function findExecutable(name: string, path = process.env.PATH ?? ''): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((candidate) => {
      try {
        accessSync(candidate, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

const setpriv = process.platform === 'linux' ? findExecutable('setpriv') : undefined;

/** Words put before a command so that it dies with us, however we die. Empty where the system can't. */
export const deathBound: readonly string[] = setpriv ? [setpriv, '--pdeathsig', 'KILL', '--'] : [];

/** Starts a program whose life is bound to ours: not even SIGKILL of this process leaves it behind. */
export function spawnBound(command: readonly [string, ...string[]], options: SpawnOptions): ChildProcess {
  const [program, ...args] = [...deathBound, ...command] as [string, ...string[]];
  return spawn(program, args, options);
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Resolves when the program has ended; a program that can't be started ends with code 127. */
export function exited(child: ChildProcess): Promise<ExitStatus> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve({ code: child.exitCode, signal: child.signalCode });
  }
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: 127, signal: null }));
  });
}

/** SIGTERM (or another), and SIGKILL where that has not helped within `graceMs`. */
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
