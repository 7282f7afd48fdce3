import { ExecaError, execa } from 'execa';
import { CodedError } from '../base/codedError.ts';

export interface ProgramOptions {
  /** Replaces the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Written to its standard input. */
  readonly input?: string;
  /** Gets the last line that it printed. */
  readonly onLine?: (line: string) => void;
}

/** Where people get the programs that the CLI starts. */
const SOURCES: Readonly<Record<string, string>> = {
  docker: 'https://docs.docker.com/engine/install/',
  kind: 'https://kind.sigs.k8s.io/docs/user/quick-start/#installation',
  kubectl: 'https://kubernetes.io/docs/tasks/tools/',
  helm: 'https://helm.sh/docs/intro/install/, or: go install helm.sh/helm/v4/cmd/helm@v4.3.1',
};
const LAST_LINES = 20;
/** Time between SIGTERM and SIGKILL when the signal fires. */
const GRACE_MS = 5_000;

/**
 * Starts a program with text streams. It gets SIGTERM when the signal fires, and when this process ends.
 * Its failures are for `programError`.
 */
export const startProgram = (
  program: string,
  args: readonly string[],
  { env, input = '' }: Pick<ProgramOptions, 'env' | 'input'>,
  signal: AbortSignal,
) =>
  execa(program, args, {
    ...(env ? { env, extendEnv: false } : {}),
    input,
    cancelSignal: signal,
    forceKillAfterDelay: GRACE_MS,
    stripFinalNewline: false,
    all: true,
  });

/**
 * Runs a program to its end and returns what it printed on stdout.
 * @throws CodedError `ProgramMissing`, with where to get it; `ProgramFailed`, with the last lines of its stderr
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions,
  signal: AbortSignal,
): Promise<string> {
  const running = startProgram(program, args, options, signal);
  const { onLine } = options;
  if (onLine)
    running.all?.on('data', (text: Buffer) => {
      const line = text.toString().trimEnd().split('\n').at(-1)?.trim();
      if (line) onLine(line);
    });
  try {
    return (await running).stdout;
  } catch (error) {
    signal.throwIfAborted();
    throw programError(program, args, error);
  }
}

/**
 * Runs a program at the terminal of this process and returns its exit code.
 * @throws CodedError `ProgramMissing`, with where to get it
 */
export async function runAttached(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const options = { stdio: 'inherit', cancelSignal: signal, forceKillAfterDelay: GRACE_MS } as const;
  try {
    await execa(program, args, options);
    return 0;
  } catch (error) {
    if (error instanceof ExecaError && error.exitCode !== undefined) return error.exitCode;
    throw programError(program, args, error);
  }
}

/** What a person is told of a program that could not be started or failed. */
export function programError(program: string, args: readonly string[], error: unknown): unknown {
  if (!(error instanceof ExecaError)) return error;
  const { code, exitCode, signal, stderr } = error;
  if (code === 'ENOENT') {
    const where = SOURCES[program];
    return new CodedError(
      'ProgramMissing',
      `${program} is not installed${where ? `; get it from ${where}` : ''}`,
    );
  }
  const end = exitCode === undefined ? `was ended by ${signal}` : `failed with code ${exitCode}`;
  const last = String(stderr ?? '')
    .trimEnd()
    .split('\n')
    .slice(-LAST_LINES)
    .join('\n');
  return new CodedError('ProgramFailed', `${program} ${args.slice(0, 3).join(' ')} ${end}:\n${last}`);
}

/** Whether a program is installed and answers. */
export const answers = (program: string, args: readonly string[], signal: AbortSignal): Promise<boolean> =>
  runProgram(program, args, {}, signal).then(
    () => true,
    () => false,
  );
