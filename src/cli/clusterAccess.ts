import type { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { KubeClient } from '../engine/kube/client.ts';
import { type Credentials, kubeconfigCredentials } from '../engine/kube/credentials.ts';
import { HttpsTransport } from '../engine/kube/transport.ts';
import type { CliContext } from './context.ts';

export interface ClusterOptions {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
}

export interface ClusterAccess {
  readonly client: KubeClient;
  readonly credentials: Credentials;
  readonly namespace: string;
}

/** The flags of kubectl, under its names. */
export const clusterOptions = (command: Command): Command =>
  command
    .option('-n, --namespace <name>', 'namespace (default: that of the context)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--kubeconfig <file>', 'kubeconfig (default: KUBECONFIG, then ~/.kube/config)');

/** Connects as kubectl would: flags, then KUBECONFIG, then ~/.kube/config. */
export async function openCluster(options: ClusterOptions, context: CliContext): Promise<ClusterAccess> {
  const credentials = await kubeconfigCredentials(systemClock, {
    ...(options.kubeconfig ? { path: options.kubeconfig } : {}),
    ...(options.context ? { context: options.context } : {}),
  });
  const transport = new HttpsTransport({
    credentials,
    clock: systemClock,
    userAgent: `kubectl-waba/${context.version}`,
  });
  return {
    client: new KubeClient(transport),
    credentials,
    namespace: options.namespace ?? credentials.namespace,
  };
}
