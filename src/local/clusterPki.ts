import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CertificateRequest,
  createAuthority,
  isCurrent,
  issueCertificate,
  type KeyPair,
} from '../base/pki/certificates.ts';

/** The certificates of a cluster. */
export interface ClusterPki {
  readonly authority: KeyPair;
  readonly admin: KeyPair;
  readonly controllerManager: KeyPair;
  readonly scheduler: KeyPair;
  /** Serving certificate of the log server of the Node. */
  readonly node: KeyPair;
  path(file: string): string;
}

/** A certificate is replaced when less than this is left of its validity. */
const RENEWAL_MS = 30 * 86_400_000;

type Signer = 'authority' | 'etcdAuthority';

/** The certificates that are only files: programs of the control plane read them. */
const fileRequests = (serviceCidr: string): readonly [string, Signer, CertificateRequest][] => [
  [
    'apiserver',
    'authority',
    {
      commonName: 'kube-apiserver',
      hosts: [
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        'kubernetes.default.svc.cluster.local',
        'localhost',
        '127.0.0.1',
        // The ClusterIP of Service `kubernetes`: the first address of the range.
        serviceCidr.replace(/\.0\/\d+$/, '.1'),
      ],
      usage: 'server',
    },
  ],
  [
    'apiserver-kubelet',
    'authority',
    {
      commonName: 'kube-apiserver-kubelet-client',
      organizations: ['system:masters'],
      usage: 'client',
    },
  ],
  ['etcd', 'etcdAuthority', { commonName: 'etcd', hosts: ['127.0.0.1', 'localhost'], usage: 'both' }],
  ['etcd-client', 'etcdAuthority', { commonName: 'kube-apiserver-etcd-client', usage: 'client' }],
];

/** The certificates that this process uses too. */
const OWN_REQUESTS = {
  admin: { commonName: 'waba-local-admin', organizations: ['system:masters'], usage: 'client' },
  controllerManager: { commonName: 'system:kube-controller-manager', usage: 'client' },
  scheduler: { commonName: 'system:kube-scheduler', usage: 'client' },
  node: { commonName: 'waba-local-node', hosts: ['127.0.0.1', 'localhost'], usage: 'server' },
} as const satisfies Record<string, CertificateRequest>;

/** Reads a cluster's certificates, or makes them. They survive restarts, so kubeconfigs stay valid. */
export async function loadOrCreatePki(folder: string, serviceCidr: string): Promise<ClusterPki> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const path = (file: string) => join(folder, file);
  const authority = await readOrMake(path('authority'), () => createAuthority({ subject: 'CN=waba-local' }));
  const etcdAuthority = await readOrMake(path('etcd-authority'), () =>
    createAuthority({ subject: 'CN=waba-local-etcd' }),
  );
  const signers: Record<Signer, KeyPair> = { authority, etcdAuthority };
  for (const [name, signer, request] of fileRequests(serviceCidr))
    await readOrMake(path(name), () => issueCertificate(signers[signer], request));
  await storeServiceAccountKeys(path);
  const own = (name: string, request: CertificateRequest) =>
    readOrMake(path(name), () => issueCertificate(authority, request));
  return {
    authority,
    admin: await own('admin', OWN_REQUESTS.admin),
    controllerManager: await own('controller-manager', OWN_REQUESTS.controllerManager),
    scheduler: await own('scheduler', OWN_REQUESTS.scheduler),
    node: await own('node', OWN_REQUESTS.node),
    path,
  };
}

/** The certificate and key at `path`; made anew where there are none, or where they expire soon. */
async function readOrMake(path: string, make: () => Promise<KeyPair>): Promise<KeyPair> {
  const known = await readPair(path);
  if (known && isCurrent(known.certificatePem, RENEWAL_MS)) return known;
  const made = await make();
  await writeFile(`${path}.crt`, made.certificatePem);
  await writeFile(`${path}.key`, made.privateKeyPem, { mode: 0o600 });
  return made;
}

async function readPair(path: string): Promise<KeyPair | undefined> {
  try {
    const [certificatePem, privateKeyPem] = await Promise.all([
      readFile(`${path}.crt`, 'utf8'),
      readFile(`${path}.key`, 'utf8'),
    ]);
    return { certificatePem, privateKeyPem };
  } catch {
    return undefined;
  }
}

async function storeServiceAccountKeys(path: (file: string) => string): Promise<void> {
  const known = await readFile(path('service-accounts.key'), 'utf8').catch(() => undefined);
  if (known) return;
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  await writeFile(path('service-accounts.pub'), publicKey);
  await writeFile(path('service-accounts.key'), privateKey, { mode: 0o600 });
}
