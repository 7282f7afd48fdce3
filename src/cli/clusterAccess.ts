import type { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { CodedError, describeError } from '../base/codedError.ts';
import { KubeClient } from '../engine/kube/client.ts';
import { type Credentials, kubeconfigCredentials } from '../engine/kube/credentials.ts';
import { HttpsTransport } from '../engine/kube/transport.ts';

export interface ClusterOptions {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
}

/** The part of the process that connecting needs. */
interface Caller {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
}

export interface ClusterAccess {
  readonly client: KubeClient;
  readonly namespace: string;
  /** URL of the API server. */
  readonly server: string;
}

/** Adds the options that select a cluster and a namespace; they have the names of kubectl's. */
export const clusterOptions = (command: Command): Command =>
  command
    .option('-n, --namespace <name>', 'namespace of the stack (default: that of the context)')
    .option('--context <name>', 'context of the kubeconfig (default: its current context)')
    .option('--kubeconfig <file>', 'kubeconfig (default: $KUBECONFIG, then ~/.kube/config)');

/** The same choice of a cluster, for kubectl. */
export const clusterFlags = ({ kubeconfig, context }: ClusterOptions): string[] => [
  ...(kubeconfig ? ['--kubeconfig', kubeconfig] : []),
  ...(context ? ['--context', context] : []),
];

/** Client-node's server when it finds neither a kubeconfig nor a pod's service account. */
const NO_CLUSTER = 'http://localhost:8080';

/** Connects like kubectl: options, then KUBECONFIG, then ~/.kube/config. @throws CodedError `NoKubeconfig` */
export async function openCluster(options: ClusterOptions, { env, version }: Caller): Promise<ClusterAccess> {
  const credentials = await readKubeconfig(options, env.KUBECONFIG);
  const transport = new HttpsTransport({
    credentials,
    clock: systemClock,
    userAgent: `kubectl-waba/${version}`,
    encoding: env.API_ENCODING === 'json' ? 'json' : 'protobuf',
  });
  return {
    client: new KubeClient(transport),
    namespace: options.namespace ?? credentials.namespace,
    server: credentials.server,
  };
}

/** Names of the contexts of the kubeconfig; none if there is no kubeconfig. */
export async function contextNames({ kubeconfig }: ClusterOptions): Promise<string[]> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    if (kubeconfig) config.loadFromFile(kubeconfig);
    else config.loadFromDefault();
  } catch {
    return [];
  }
  return config.getContexts().map(({ name }) => name);
}

async function readKubeconfig(
  { kubeconfig, context }: ClusterOptions,
  variable: string | undefined,
): Promise<Credentials> {
  const credentials = await kubeconfigCredentials(systemClock, {
    ...(kubeconfig ? { path: kubeconfig } : {}),
    ...(context ? { context } : {}),
  }).catch((cause: unknown) => {
    throw new CodedError('NoKubeconfig', whyNot(kubeconfig ?? (variable || '~/.kube/config'), cause), {
      cause,
    });
  });
  if (credentials.server === NO_CLUSTER)
    throw new CodedError(
      'NoKubeconfig',
      'no kubeconfig: neither --kubeconfig nor KUBECONFIG is set, and ~/.kube/config does not exist; `kubectl waba local up` starts a cluster on this machine',
    );
  return credentials;
}

function whyNot(file: string, error: unknown): string {
  if (error instanceof Error && error.cause !== undefined) {
    const [reason] = describeError(error.cause).split('\n');
    return `cannot read kubeconfig ${file}: ${reason}; set --kubeconfig or KUBECONFIG to a kubeconfig`;
  }
  return `${file}: ${describeError(error)}; \`kubectl config get-contexts\` lists the contexts`;
}
