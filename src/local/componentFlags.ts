import type { ClusterPki } from './clusterPki.ts';

export type ComponentName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler';

export interface ComponentPlaces {
  readonly pki: ClusterPki;
  readonly serviceCidr: string;
  readonly port: number;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
  /** Path of the kubeconfig that each of them uses. */
  readonly kubeconfigs: { readonly controllerManager: string; readonly scheduler: string };
}

/** Controllers that refuse loopback addresses; nothing in a local cluster depends on what they make. */
const DISABLED_CONTROLLERS = [
  'endpoints-controller',
  'endpointslice-controller',
  'endpointslice-mirroring-controller',
];

/** The command-line flags of each program of the control plane. */
export const componentFlags = {
  etcd: ({ pki, etcdPort, etcdPeerPort }) => [
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
    // As kubeadm does: without this flag, watches of quiet kinds get no bookmarks for minutes.
    '--watch-progress-notify-interval=5s',
    '--unsafe-no-fsync',
    '--log-level=warn',
  ],
  'kube-apiserver': ({ pki, port, etcdPort, serviceCidr }) => [
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
    // The API server has no endpoint to maintain: EndpointSlices refuse loopback addresses.
    '--endpoint-reconciler-type=none',
  ],
  'kube-controller-manager': ({ pki, kubeconfigs }) => [
    `--kubeconfig=${kubeconfigs.controllerManager}`,
    `--service-account-private-key-file=${pki.path('service-accounts.key')}`,
    `--root-ca-file=${pki.path('authority.crt')}`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    '--secure-port=0',
    // The only node is this machine. When it sleeps, the manager sleeps too, and must not take the node for lost.
    // Elsewhere a manager that hung loses its lease and starts anew, so it knows of no silence either.
    '--node-monitor-grace-period=1h',
    `--controllers=*,${DISABLED_CONTROLLERS.map((name) => `-${name}`).join(',')}`,
  ],
  'kube-scheduler': ({ kubeconfigs }) => [
    `--kubeconfig=${kubeconfigs.scheduler}`,
    '--leader-elect=false',
    '--secure-port=0',
  ],
} as const satisfies Record<ComponentName, (places: ComponentPlaces) => readonly string[]>;
