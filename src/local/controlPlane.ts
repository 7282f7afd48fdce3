import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import type { Clock } from '../base/clock.ts';
import { freePort } from '../base/ports.ts';
import { KubeClient } from '../engine/kube/client.ts';
import type { Credentials } from '../engine/kube/credentials.ts';
import { kinds } from '../engine/kube/kubeObject.ts';
import { HttpsTransport } from '../engine/kube/transport.ts';
import { type ClusterPki, loadOrCreatePki } from './clusterPki.ts';
import { type ComponentName, type ComponentPlaces, componentFlags } from './componentFlags.ts';
import { Components } from './components.ts';
import type { Programs } from './programs.ts';

export interface ControlPlaneOptions {
  readonly programs: Programs;
  /** Holds all files of the cluster; they survive a restart. */
  readonly folder: string;
  readonly serviceCidr: string;
  readonly clock: Clock;
  /** Port of the API server; default: a free one. */
  readonly port?: number;
  /** Extra flags, by program, for tests. */
  readonly extraFlags?: Readonly<Partial<Record<ComponentName, readonly string[]>>>;
}

export interface ControlPlane {
  readonly server: string;
  readonly port: number;
  readonly kubeconfigPath: string;
  readonly pki: ClusterPki;
  readonly credentials: Credentials;
  readonly client: KubeClient;
  readonly etcdUrl: string;
  /** Resolves with its name when a program ends without having been stopped. */
  readonly failed: Promise<ComponentName>;
  /** Kills a program as a crash does and starts it again. Returns when the API server answers. */
  restart(name: ComponentName, signal: AbortSignal): Promise<void>;
  /** Sends a signal to a program, such as SIGSTOP for a program that hangs. */
  signal(name: ComponentName, signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/**
 * Starts etcd, kube-apiserver, kube-controller-manager and kube-scheduler as child processes on loopback. Each client
 * has a certificate; anonymous access is off.
 *
 * @throws CodedError `ControlPlane`, with the end of the log of the program that failed
 */
export async function startControlPlane(
  options: ControlPlaneOptions,
  signal: AbortSignal,
): Promise<ControlPlane> {
  const { folder, clock, programs, extraFlags } = options;
  const places = await prepare(options);
  const { port, pki, kubeconfigs } = places;
  const server = `https://127.0.0.1:${port}`;
  const credentials = adminCredentials(server, pki);
  const client = new KubeClient(
    new HttpsTransport({ credentials, clock, userAgent: 'waba-local', queriesPerSecond: 1000, burst: 1000 }),
  );
  const command = (name: ComponentName) =>
    [programs.path(name), ...componentFlags[name](places), ...(extraFlags?.[name] ?? [])] as const;
  const components = new Components({ folder, command, clock });
  const apiServerReady = (patience: AbortSignal) => {
    const isReady = async () =>
      (await client.transport.text({ method: 'GET', path: '/readyz' }, patience)) === 'ok';
    return components.waitFor(`kube-apiserver at ${server}`, isReady, patience);
  };
  const hasServiceAccount = () =>
    client.get(kinds.ServiceAccount, 'default', 'default', signal).then(() => true);
  try {
    components.start('etcd');
    components.start('kube-apiserver');
    await apiServerReady(signal);
    components.start('kube-controller-manager');
    components.start('kube-scheduler');
    await components.waitFor('service account default', hasServiceAccount, signal);
  } catch (error) {
    await components.stop();
    throw error;
  }
  return {
    server,
    port,
    kubeconfigPath: kubeconfigs.admin,
    pki,
    credentials,
    client,
    etcdUrl: `https://127.0.0.1:${places.etcdPort}`,
    failed: components.failed,
    restart: async (name, patience) => {
      await components.kill(name);
      components.start(name);
      await apiServerReady(patience);
    },
    signal: (name, kind) => components.signal(name, kind),
    stop: async () => {
      client.transport.close();
      await components.stop();
    },
  };
}

type Identity = 'admin' | 'controllerManager' | 'scheduler';

const KUBECONFIGS: Record<Identity, string> = {
  admin: 'kubeconfig',
  controllerManager: 'controller-manager.kubeconfig',
  scheduler: 'scheduler.kubeconfig',
};

/** Chooses ports and writes certificates and kubeconfigs. */
async function prepare({
  folder,
  serviceCidr,
  port: wanted,
}: ControlPlaneOptions): Promise<ComponentPlaces & { kubeconfigs: Record<Identity, string> }> {
  await mkdir(join(folder, 'logs'), { recursive: true });
  const port = wanted ?? (await freePort());
  const [etcdPort, etcdPeerPort] = [await freePort(), await freePort()];
  const pki = await loadOrCreatePki(join(folder, 'pki'), serviceCidr);
  const kubeconfig = async (identity: Identity) => {
    const path = join(folder, KUBECONFIGS[identity]);
    const content = kubeconfigOf(`https://127.0.0.1:${port}`, pki, identity);
    await writeFile(path, dump(content), { mode: 0o600 });
    return path;
  };
  const kubeconfigs = {
    admin: await kubeconfig('admin'),
    controllerManager: await kubeconfig('controllerManager'),
    scheduler: await kubeconfig('scheduler'),
  };
  return { pki, serviceCidr, port, etcdPort, etcdPeerPort, kubeconfigs };
}

function adminCredentials(server: string, pki: ClusterPki): Credentials {
  const tls = {
    ca: pki.authority.certificatePem,
    cert: pki.admin.certificatePem,
    key: pki.admin.privateKeyPem,
  };
  return { server, namespace: 'default', identity: async () => ({ revision: 'admin', tls }) };
}

function kubeconfigOf(server: string, pki: ClusterPki, identity: Identity) {
  const encode = (pem: string) => Buffer.from(pem).toString('base64');
  const { certificatePem, privateKeyPem } = pki[identity];
  const name = 'waba-local';
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [
      { name, cluster: { server, 'certificate-authority-data': encode(pki.authority.certificatePem) } },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    users: [
      {
        name,
        user: { 'client-certificate-data': encode(certificatePem), 'client-key-data': encode(privateKeyPem) },
      },
    ],
  };
}
