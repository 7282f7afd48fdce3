import { spawn } from 'node:child_process';
import { CodedError } from '../../base/codedError.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import type { ClusterAccess, ClusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';

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
  context: CliContext,
): Promise<ReachedService> {
  const { spec } = await access.client.get<KubeObject & { spec: { clusterIP?: string } }>(
    kinds.Service,
    access.namespace,
    service.name,
    context.signal,
  );
  if (spec.clusterIP?.startsWith('127.'))
    return { host: spec.clusterIP, port: service.port, close: () => {} };
  const flags = [
    ...(options.kubeconfig ? ['--kubeconfig', options.kubeconfig] : []),
    ...(options.context ? ['--context', options.context] : []),
  ];
  const child = spawn(
    'kubectl',
    ['port-forward', ...flags, '-n', access.namespace, `service/${service.name}`, `:${service.port}`],
    { stdio: ['ignore', 'pipe', 'pipe'], signal: context.signal },
  );
  let said = '';
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(
      () =>
        reject(
          new CodedError(
            'NotReached',
            `kubectl port-forward to Service ${service.name} is not ready after ${START_TIMEOUT_MS / 1000} s: ${said.trim() || 'no output'}`,
          ),
        ),
      START_TIMEOUT_MS,
    );
    const end = (settle: () => void) => {
      clearTimeout(timer);
      settle();
    };
    child.on('error', (error: NodeJS.ErrnoException) =>
      end(() =>
        reject(
          error.code === 'ENOENT'
            ? new CodedError(
                'ProgramMissing',
                'kubectl is not installed; get it from https://kubernetes.io/docs/tasks/tools/',
              )
            : error,
        ),
      ),
    );
    child.on('exit', () =>
      end(() =>
        reject(
          new CodedError(
            'NotReached',
            `kubectl port-forward to Service ${service.name} failed: ${said.trim()}`,
          ),
        ),
      ),
    );
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const [, chosen] = /127\.0\.0\.1:(\d+) ->/.exec(said) ?? [];
        if (chosen) end(() => resolve(Number(chosen)));
      });
  });
  return { host: '127.0.0.1', port, close: () => void child.kill() };
}
