import { CodedError } from '../../base/codedError.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { type ClusterAccess, type ClusterOptions, clusterFlags } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { programError, startProgram } from '../program.ts';

/** An address of this machine at which a Service of the cluster answers. */
export interface ReachedService {
  readonly host: string;
  readonly port: number;
  close(): void;
}

const START_TIMEOUT_MS = 15_000;

/**
 * Connects directly if this machine is the cluster's network, as with the process node; else through `kubectl port-forward`.
 * @throws CodedError `ProgramMissing`, `NotReached`
 */
export async function reachService(
  access: ClusterAccess,
  options: ClusterOptions,
  service: { readonly name: string; readonly port: number },
  context: Pick<CliContext, 'signal'>,
): Promise<ReachedService> {
  const { spec } = await access.client.get<KubeObject & { spec: { clusterIP?: string } }>(
    kinds.Service,
    access.namespace,
    service.name,
    context.signal,
  );
  if (spec.clusterIP?.startsWith('127.'))
    return { host: spec.clusterIP, port: service.port, close: () => {} };
  const target = [`service/${service.name}`, `:${service.port}`];
  const forward = startForward([...clusterFlags(options), '-n', access.namespace, ...target], context.signal);
  const port = await forward.port;
  return { host: '127.0.0.1', port, close: forward.close };
}

/** `kubectl port-forward`, which prints the port that it chose and then runs until it is closed. */
function startForward(
  args: readonly string[],
  signal: AbortSignal,
): { readonly port: Promise<number>; close(): void } {
  const running = startProgram('kubectl', ['port-forward', ...args], {}, signal);
  let output = '';
  const failed = (problem: string) =>
    new CodedError(
      'NotReached',
      `kubectl port-forward ${args.join(' ')} ${problem}: ${output.trim() || 'no output'}`,
    );
  const port = new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(failed(`is not ready after ${START_TIMEOUT_MS / 1000} s`));
      running.kill();
    }, START_TIMEOUT_MS);
    running.all?.on('data', (text: Buffer) => {
      output += text.toString();
      const [, chosen] = /127\.0\.0\.1:(\d+) ->/.exec(output) ?? [];
      if (!chosen) return;
      clearTimeout(timer);
      resolve(Number(chosen));
    });
    const onEnd = (error?: unknown) => {
      clearTimeout(timer);
      const missing = programError('kubectl', args, error);
      reject(missing instanceof CodedError && missing.code === 'ProgramMissing' ? missing : failed('ended'));
    };
    running.then(() => onEnd(), onEnd);
  });
  return { port, close: () => void running.kill() };
}
