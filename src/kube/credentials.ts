import { readFile, stat } from 'node:fs/promises';
import type { AgentOptions } from 'node:https';
import { CodedError } from '../runtime/codedError.ts';

/** Where the API server is, and how to prove who we are. */
export interface Credentials {
  readonly server: string;
  /** Namespace of the service account or of the kubeconfig's context. */
  readonly namespace: string;
  /** TLS material; read again whenever a new connection pool is made. */
  tls(): Promise<Pick<AgentOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized'>>;
  /** Changes when `tls()` would answer differently. */
  revision(): Promise<string>;
  /** Value of the Authorization header, where one is needed. */
  authorization(): Promise<string | undefined>;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The pod's own account. Token and CA are read again when their files change, because both rotate.
 * @throws CodedError `NotInCluster` outside a pod
 */
export async function inClusterCredentials(
  env: Readonly<Record<string, string | undefined>>,
  folder: string = SERVICE_ACCOUNT,
): Promise<Credentials> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port) {
    throw new CodedError(
      'NotInCluster',
      'not in a cluster: KUBERNETES_SERVICE_HOST is not set; give --kubeconfig',
    );
  }
  const token = cachedFile(`${folder}/token`);
  const ca = cachedFile(`${folder}/ca.crt`);
  const namespace = await readFile(`${folder}/namespace`, 'utf8').catch(() => 'default');
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: namespace.trim(),
    tls: async () => ({ ca: await ca() }),
    revision: ca,
    authorization: async () => `Bearer ${(await token()).trim()}`,
  };
}

/** Reads a file again only when it changed; a projected volume swaps the whole folder. */
function cachedFile(path: string): () => Promise<string> {
  let seen: { stamp: string; content: string } | undefined;
  return async () => {
    const { mtimeMs, ino } = await stat(path);
    const stamp = `${ino}/${mtimeMs}`;
    if (seen?.stamp !== stamp) seen = { stamp, content: await readFile(path, 'utf8') };
    return seen.content;
  };
}

/**
 * A kubeconfig, with everything that may stand in one: files or inline data, exec plugins, OIDC.
 * Kubernetes' own client reads it; it is loaded only here, because it is large.
 * @throws CodedError `NoKubeconfig` where there is none or it has no current cluster
 */
export async function kubeconfigCredentials(
  options: { path?: string; context?: string } = {},
): Promise<Credentials> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    if (options.path) config.loadFromFile(options.path);
    else config.loadFromDefault();
  } catch (cause) {
    throw new CodedError('NoKubeconfig', `cannot read kubeconfig ${options.path ?? ''}`.trim(), { cause });
  }
  if (options.context) config.setCurrentContext(options.context);
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    throw new CodedError(
      'NoKubeconfig',
      `kubeconfig has no cluster for context ${config.getCurrentContext() || '(none)'}`,
    );
  }
  const applied = async () => {
    const https: AgentOptions & { headers?: Record<string, string> } = {};
    await config.applyToHTTPSOptions(https);
    return https;
  };
  return {
    server: cluster.server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    tls: async () => {
      const { ca, cert, key, rejectUnauthorized } = await applied();
      return {
        ...(ca ? { ca } : {}),
        ...(cert ? { cert } : {}),
        ...(key ? { key } : {}),
        ...(rejectUnauthorized === false ? { rejectUnauthorized } : {}),
      };
    },
    revision: async () => 'kubeconfig',
    authorization: async () => (await applied()).headers?.Authorization,
  };
}
