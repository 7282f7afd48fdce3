import { Readable } from 'node:stream';
import { silentLogger } from '../../src/base/logger.ts';
import type { CliHost } from '../../src/cli/context.ts';
import { runCli } from '../../src/cli/main.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import type { FakeCluster } from './fakeCluster.ts';

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface CliRunOptions {
  /** Without one, the CLI connects according to its options and variables. */
  readonly cluster?: FakeCluster;
  readonly env?: CliHost['env'];
  readonly signal?: AbortSignal;
  readonly stdin?: string;
  /** Called with all output so far, after each write. */
  readonly onOutput?: (output: string) => void;
}

/** Runs one command of `kubectl-waba` in this process. */
export async function runWaba(args: readonly string[], options: CliRunOptions = {}): Promise<CliRun> {
  const { cluster, env = {}, signal = new AbortController().signal, onOutput = () => {} } = options;
  const output = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof output) =>
    ({
      write: (text: string) => {
        output[name] += text;
        onOutput(output.stdout + output.stderr);
        return true;
      },
    }) as NodeJS.WriteStream;
  const host: CliHost = {
    env,
    stdin: Readable.from([Buffer.from(options.stdin ?? '')]),
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    signal,
    distFolder: 'dist',
    version: '0.0.0',
    logger: silentLogger,
  };
  const connect = cluster
    ? async ({ namespace = 'default' }) => ({
        client: new KubeClient(cluster),
        namespace,
        server: 'https://cluster:6443',
      })
    : undefined;
  const code = await runCli(args, host, connect);
  return { code, ...output };
}
