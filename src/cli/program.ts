import { spawn } from 'node:child_process';
import { CodedError } from '../base/codedError.ts';

export interface ProgramOptions {
  /** In place of our own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Written to its standard input. */
  readonly input?: string;
  /** Hears the last line that it printed. */
  readonly onLine?: (line: string) => void;
}

/** Where people get the programs that this one starts. */
const SOURCES: Readonly<Record<string, string>> = {
  docker: 'https://docs.docker.com/engine/install/',
  kind: 'https://kind.sigs.k8s.io/docs/user/quick-start/#installation',
  kubectl: 'https://kubernetes.io/docs/tasks/tools/',
  helm: 'https://helm.sh/docs/intro/install/, or: go install helm.sh/helm/v4/cmd/helm@v4.3.1',
};
const LAST_LINES = 20;

/**
 * What a program prints on stdout. @throws CodedError `ProgramMissing`, with where to get it; `ProgramFailed`, with
 * the last lines of its stderr
 */
export function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions,
  signal: AbortSignal,
): Promise<string> {
  const { env, input, onLine } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...(env ? { env } : {}), signal, stdio: ['pipe', 'pipe', 'pipe'] });
    const out: string[] = [];
    const err: string[] = [];
    const take = (into: string[]) => (text: string) => {
      into.push(text);
      const line = text.trimEnd().split('\n').at(-1)?.trim();
      if (line) onLine?.(line);
    };
    child.stdout.setEncoding('utf8').on('data', take(out));
    child.stderr.setEncoding('utf8').on('data', take(err));
    // It may end without reading what it is given.
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
    child.on('error', (error: NodeJS.ErrnoException) => {
      const where = SOURCES[program];
      const message = `${program} is not installed${where ? `; get it from ${where}` : ''}`;
      reject(error.code === 'ENOENT' ? new CodedError('ProgramMissing', message) : error);
    });
    child.on('close', (code, killedBy) => {
      if (code === 0) return resolve(out.join(''));
      const last = err.join('').trimEnd().split('\n').slice(-LAST_LINES).join('\n');
      const end = code === null ? `was ended by ${killedBy}` : `failed with code ${code}`;
      reject(new CodedError('ProgramFailed', `${program} ${args.slice(0, 3).join(' ')} ${end}:\n${last}`));
    });
  });
}

/** Whether a program is there and answers. */
export const answers = (program: string, args: readonly string[], signal: AbortSignal): Promise<boolean> =>
  runProgram(program, args, {}, signal).then(
    () => true,
    () => false,
  );
