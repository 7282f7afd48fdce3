import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { AgentOptions } from 'node:https';
import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';

type TlsMaterial = Pick<AgentOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>;

/** How one request authenticates. */
export interface Identity {
  /** Changes when `tls` changes; connections of another revision are not used again. */
  readonly revision: string;
  readonly tls: TlsMaterial;
  /** Value of the Authorization header, where one is needed. */
  readonly authorization?: string | undefined;
}

/** Where the API server is, and how requests authenticate. */
export interface Credentials {
  readonly server: string;
  /** Namespace of the service account or of the kubeconfig's context. */
  readonly namespace: string;
  /** Proxy of the kubeconfig; without one the proxy variables of the environment count. */
  readonly proxyUrl?: string | undefined;
  identity(): Promise<Identity>;
  /** Call this when the server rejects the last identity: the next one is read anew. */
  refresh?(): void;
}

/** Tokens and certificates rotate, so they are read again after this time, and at once after a 401. */
const REREAD_MS = 10_000;

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The pod's own account. Token and CA are read again when their files change, because both rotate.
 * @throws CodedError `NotInCluster` outside a pod
 */
export async function inClusterCredentials(
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  folder: string = SERVICE_ACCOUNT,
): Promise<Credentials> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port) {
    throw new CodedError(
      'NotInCluster',
      'not in a cluster: KUBERNETES_SERVICE_HOST is not set; use --kubeconfig',
    );
  }
  const token = rereadFile(`${folder}/token`);
  const authority = rereadFile(`${folder}/ca.crt`);
  const namespace = await readFile(`${folder}/namespace`, 'utf8').catch(() => 'default');
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: namespace.trim(),
    ...remembered(clock, async () => {
      const [ca, bearer] = await Promise.all([authority(), token()]);
      return { revision: ca, tls: { ca }, authorization: `Bearer ${bearer.trim()}` };
    }),
  };
}

/** Reads a file again only when it changed; a projected volume swaps the whole folder. */
function rereadFile(path: string): () => Promise<string> {
  let seen: { stamp: string; content: string } | undefined;
  return async () => {
    const { mtimeMs, ino } = await stat(path);
    const stamp = `${ino}/${mtimeMs}`;
    if (seen?.stamp !== stamp) seen = { stamp, content: await readFile(path, 'utf8') };
    return seen.content;
  };
}

/** Calls `read` at most every ten seconds, and after `refresh`. While reading fails, the last result is used. */
function remembered(
  clock: Clock,
  read: () => Promise<Identity>,
): Pick<Required<Credentials>, 'identity' | 'refresh'> {
  let last: { readonly identity: Promise<Identity>; readonly atMs: number } | undefined;
  return {
    identity: () => {
      const now = clock.monotonic();
      if (!last || now - last.atMs >= REREAD_MS) {
        const before = last?.identity;
        last = { identity: before ? read().catch(() => before) : read(), atMs: now };
        // Without this, a failed first read would be repeated to callers for ten seconds.
        if (!before) {
          const attempt = last;
          attempt.identity.catch(() => {
            if (last === attempt) last = undefined;
          });
        }
      }
      return last.identity;
    },
    refresh: () => {
      last = undefined;
    },
  };
}

/**
 * The credentials of a kubeconfig, in all its forms: files, inline data, exec plugins, OIDC. Kubernetes' own client
 * parses it; that client is loaded only here, because it is large.
 * @throws CodedError `NoKubeconfig` where there is none or it has no current cluster
 */
export async function kubeconfigCredentials(
  clock: Clock,
  options: { path?: string; context?: string } = {},
): Promise<Credentials> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const load = () => {
    const config = new KubeConfig();
    try {
      if (options.path) config.loadFromFile(options.path);
      else config.loadFromDefault();
    } catch (cause) {
      throw new CodedError('NoKubeconfig', `cannot read kubeconfig ${options.path ?? ''}`.trim(), { cause });
    }
    if (options.context) config.setCurrentContext(options.context);
    return config;
  };
  let config = load();
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    throw new CodedError(
      'NoKubeconfig',
      `kubeconfig has no cluster for context ${config.getCurrentContext() || '(none)'}`,
    );
  }
  const { identity, refresh } = remembered(clock, async () => {
    const https: AgentOptions & { headers?: Record<string, string> } = {};
    await config.applyToHTTPSOptions(https);
    const { ca, cert, key, rejectUnauthorized, servername } = https;
    const tls: TlsMaterial = {
      ...(ca ? { ca } : {}),
      ...(cert ? { cert } : {}),
      ...(key ? { key } : {}),
      ...(servername ? { servername } : {}),
      ...(rejectUnauthorized === false ? { rejectUnauthorized } : {}),
    };
    return { revision: digest(tls), tls, authorization: https.headers?.Authorization };
  });
  return {
    server: cluster.server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    proxyUrl: cluster.proxyUrl,
    identity,
    refresh: () => {
      // A new login may have changed the file itself.
      config = load();
      refresh();
    },
  };
}

const digest = (tls: TlsMaterial): string =>
  createHash('sha256')
    .update(JSON.stringify([tls.ca, tls.cert, tls.key, tls.rejectUnauthorized, tls.servername].map(String)))
    .digest('hex');
