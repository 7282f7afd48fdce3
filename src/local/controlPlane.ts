import type { ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { exited, spawnBound, terminate } from '../base/childProcess.ts';
import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/codedError.ts';
import { freePort } from '../base/ports.ts';
import { waitUntil } from '../base/waitUntil.ts';
import { KubeClient } from '../engine/kube/client.ts';
import type { Credentials } from '../engine/kube/credentials.ts';
import { kinds } from '../engine/kube/kubeObject.ts';
import { HttpsTransport } from '../engine/kube/transport.ts';
import { type ClusterPki, loadOrCreatePki } from './clusterPki.ts';
import type { Programs } from './programs.ts';

export interface ControlPlaneOptions {
  readonly programs: Programs;
  /** Everything of the cluster lies under it; kept over restarts. */
  readonly folder: string;
  readonly serviceCidr: string;
  readonly clock: Clock;
  /** Port of the API server; a free one otherwise. */
  readonly port?: number;
  /** Extra flags, by program, for tests. */
  readonly extraFlags?: Readonly<Partial<Record<ComponentName, readonly string[]>>>;
}

type ComponentName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler';

export interface ControlPlane {
  readonly server: string;
  readonly port: number;
  readonly kubeconfigPath: string;
  readonly pki: ClusterPki;
  readonly credentials: Credentials;
  readonly client: KubeClient;
  readonly etcdUrl: string;
  /** Resolves with its name when a program ends by itself. */
  readonly failed: Promise<ComponentName>;
  /** Kills a program as a crash would, and starts it again. Waits until the API server answers. */
  restart(name: ComponentName, signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 100;
const STOP_GRACE_MS = 10_000;

/** Controllers that refuse loopback addresses; nothing here depends on what they make. */
const DISABLED_CONTROLLERS = [
  'endpoints-controller',
  'endpointslice-controller',
  'endpointslice-mirroring-controller',
];

/**
 * etcd, kube-apiserver, kube-controller-manager and kube-scheduler as processes of ours, on loopback, with
 * certificates for everybody and no anonymous access.
 *
 * @throws CodedError `ControlPlane` with the end of the log of what failed
 */
export async function startControlPlane(
  options: ControlPlaneOptions,
  signal: AbortSignal,
): Promise<ControlPlane> {
  const { folder, serviceCidr, clock } = options;
  await mkdir(join(folder, 'logs'), { recursive: true });
  const port = options.port ?? (await freePort());
  const [etcdPort, etcdPeerPort] = [await freePort(), await freePort()];
  const server = `https://127.0.0.1:${port}`;
  const pki = await loadOrCreatePki(join(folder, 'pki'), serviceCidr);

  const kubeconfig = async (name: 'admin' | 'controllerManager' | 'scheduler', path: string) => {
    await writeFile(path, dump(kubeconfigOf(server, pki, name)), { mode: 0o600 });
    return path;
  };
  const kubeconfigPath = await kubeconfig('admin', join(folder, 'kubeconfig'));
  const managerConfig = await kubeconfig('controllerManager', join(folder, 'controller-manager.kubeconfig'));
  const schedulerConfig = await kubeconfig('scheduler', join(folder, 'scheduler.kubeconfig'));

  const children = new Map<
    ComponentName,
    { readonly child: ChildProcess; readonly flags: readonly string[] }
  >();
  let stopping = false;
  let reportFailure: (name: ComponentName) => void = () => {};
  const failed = new Promise<ComponentName>((resolve) => {
    reportFailure = resolve;
  });
  const start = (name: ComponentName, flags: readonly string[]) => {
    const log = createWriteStream(join(folder, 'logs', `${name}.log`), { flags: 'a' });
    const command = [options.programs.path(name), ...flags, ...(options.extraFlags?.[name] ?? [])] as [
      string,
      ...string[],
    ];
    const child = spawnBound(command, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    children.set(name, { child, flags });
    void exited(child).then(() => {
      if (!stopping && children.get(name)?.child === child) reportFailure(name);
    });
  };
  const stop = async () => {
    stopping = true;
    // Last started first, so that nobody loses the one that it talks to.
    for (const { child } of [...children.values()].reverse())
      await terminate(child, { clock, graceMs: STOP_GRACE_MS });
  };

  const adminTls = {
    ca: pki.authority.certificatePem,
    cert: pki.admin.certificatePem,
    key: pki.admin.privateKeyPem,
  };
  const credentials: Credentials = {
    server,
    namespace: 'default',
    identity: async () => ({ revision: 'admin', tls: adminTls }),
  };
  const client = new KubeClient(
    new HttpsTransport({ credentials, clock, userAgent: 'waba-local', queriesPerSecond: 1000, burst: 1000 }),
  );

  const apiServerReady = (patience: AbortSignal) =>
    waitFor(`kube-apiserver at ${server}`, options, failed, patience, async () => {
      const ready = await client.transport.text({ method: 'GET', path: '/readyz' }, patience);
      return ready === 'ok';
    });
  const restart = async (name: ComponentName, patience: AbortSignal) => {
    const running = children.get(name);
    if (!running) throw new Error(`${name} is not running`);
    children.delete(name);
    await terminate(running.child, { clock, graceMs: STOP_GRACE_MS, signal: 'SIGKILL' });
    start(name, running.flags);
    await apiServerReady(patience);
  };

  try {
    start('etcd', [
      '--data-dir=etcd',
      `--listen-client-urls=https://127.0.0.1:${etcdPort}`,
      `--advertise-client-urls=https://127.0.0.1:${etcdPort}`,
      `--listen-peer-urls=https://127.0.0.1:${etcdPeerPort}`,
      `--initial-advertise-peer-urls=https://127.0.0.1:${etcdPeerPort}`,
      `--initial-cluster=default=https://127.0.0.1:${etcdPeerPort}`,
      '--client-cert-auth',
      `--trusted-ca-file=${pki.path('etcd-authority.crt')}`,
      `--cert-file=${pki.path('etcd.crt')}`,
      `--key-file=${pki.path('etcd.key')}`,
      '--peer-client-cert-auth',
      `--peer-trusted-ca-file=${pki.path('etcd-authority.crt')}`,
      `--peer-cert-file=${pki.path('etcd.crt')}`,
      `--peer-key-file=${pki.path('etcd.key')}`,
      // As kubeadm does: without it watches of quiet kinds get no bookmarks for minutes.
      '--watch-progress-notify-interval=5s',
      '--unsafe-no-fsync',
      '--log-level=warn',
    ]);
    start('kube-apiserver', [
      `--etcd-servers=https://127.0.0.1:${etcdPort}`,
      `--etcd-cafile=${pki.path('etcd-authority.crt')}`,
      `--etcd-certfile=${pki.path('etcd-client.crt')}`,
      `--etcd-keyfile=${pki.path('etcd-client.key')}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${port}`,
      `--tls-cert-file=${pki.path('apiserver.crt')}`,
      `--tls-private-key-file=${pki.path('apiserver.key')}`,
      `--client-ca-file=${pki.path('authority.crt')}`,
      `--kubelet-certificate-authority=${pki.path('authority.crt')}`,
      `--kubelet-client-certificate=${pki.path('apiserver-kubelet.crt')}`,
      `--kubelet-client-key=${pki.path('apiserver-kubelet.key')}`,
      '--anonymous-auth=false',
      '--kubelet-preferred-address-types=InternalIP',
      '--authorization-mode=Node,RBAC',
      '--allow-privileged=true',
      `--service-cluster-ip-range=${serviceCidr}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${pki.path('service-accounts.pub')}`,
      `--service-account-signing-key-file=${pki.path('service-accounts.key')}`,
      // There is no endpoint for it to keep: loopback addresses are refused in EndpointSlices.
      '--endpoint-reconciler-type=none',
    ]);
    await apiServerReady(signal);
    start('kube-controller-manager', [
      `--kubeconfig=${managerConfig}`,
      `--service-account-private-key-file=${pki.path('service-accounts.key')}`,
      `--root-ca-file=${pki.path('authority.crt')}`,
      '--use-service-account-credentials',
      '--leader-elect=false',
      '--secure-port=0',
      `--controllers=*,${DISABLED_CONTROLLERS.map((name) => `-${name}`).join(',')}`,
    ]);
    start('kube-scheduler', [`--kubeconfig=${schedulerConfig}`, '--leader-elect=false', '--secure-port=0']);
    await waitFor('service account default', options, failed, signal, async () => {
      await client.get(kinds.ServiceAccount, 'default', 'default', signal);
      return true;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    server,
    port,
    kubeconfigPath,
    pki,
    credentials,
    client,
    etcdUrl: `https://127.0.0.1:${etcdPort}`,
    failed,
    restart,
    stop: async () => {
      client.transport.close();
      await stop();
    },
  };
}

async function waitFor(
  what: string,
  options: ControlPlaneOptions,
  failed: Promise<ComponentName>,
  signal: AbortSignal,
  probe: () => Promise<boolean>,
): Promise<void> {
  const { clock, folder } = options;
  let ended: ComponentName | undefined;
  void failed.then((name) => {
    ended = name;
  });
  const isReady = async () => {
    if (!ended) return probe().catch(() => false);
    const tail = await logTail(folder, ended);
    throw new CodedError('ControlPlane', `${ended} ended while starting. The end of its log:\n${tail}`);
  };
  const late = async () => {
    const tail = await logTail(folder, 'kube-apiserver');
    return new CodedError(
      'ControlPlane',
      `${what} is not ready after ${READY_TIMEOUT_MS / 1000} s. The end of the log of kube-apiserver:\n${tail}`,
    );
  };
  await waitUntil(isReady, { clock, everyMs: POLL_MS, timeoutMs: READY_TIMEOUT_MS, late }, signal);
}

async function logTail(folder: string, name: ComponentName): Promise<string> {
  const text = await readFile(join(folder, 'logs', `${name}.log`), 'utf8').catch(() => '(no log)');
  const tail = text.trimEnd().split('\n').slice(-8).join('\n');
  return /no space left/i.test(tail) ? `${tail}\nThe disk is full: free some space and try again.` : tail;
}

function kubeconfigOf(
  server: string,
  pki: ClusterPki,
  identity: 'admin' | 'controllerManager' | 'scheduler',
) {
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
