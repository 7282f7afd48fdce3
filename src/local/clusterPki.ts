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

/** Who has a certificate in a cluster. */
export interface ClusterPki {
  readonly authority: KeyPair;
  readonly admin: KeyPair;
  readonly controllerManager: KeyPair;
  readonly scheduler: KeyPair;
  /** Serving certificate of the process node's log server. */
  readonly node: KeyPair;
  path(file: string): string;
}

/** Certificates are made anew when less than this is left. */
const RENEWAL_MS = 30 * 86_400_000;

/** Reads a cluster's certificates, or makes them. They stay the same over restarts, so kubeconfigs stay valid. */
export async function loadOrCreatePki(folder: string, serviceCidr: string): Promise<ClusterPki> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const path = (file: string) => join(folder, file);
  const store = async (name: string, make: () => Promise<KeyPair>): Promise<KeyPair> => {
    const known = await readPair(path(name));
    if (known && isCurrent(known.certificatePem, RENEWAL_MS)) return known;
    const made = await make();
    await writeFile(path(`${name}.crt`), made.certificatePem);
    await writeFile(path(`${name}.key`), made.privateKeyPem, { mode: 0o600 });
    return made;
  };
  const authority = await store('authority', () => createAuthority({ subject: 'CN=waba-local' }));
  const etcdAuthority = await store('etcd-authority', () =>
    createAuthority({ subject: 'CN=waba-local-etcd' }),
  );
  const issue = (name: string, request: CertificateRequest, by = authority) =>
    store(name, () => issueCertificate(by, request));

  const firstServiceAddress = serviceCidr.replace(/\.0\/\d+$/, '.1');
  const names = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    'localhost',
  ];
  await issue('apiserver', {
    commonName: 'kube-apiserver',
    hosts: [...names, '127.0.0.1', firstServiceAddress],
    usage: 'server',
  });
  await issue('apiserver-kubelet', {
    commonName: 'kube-apiserver-kubelet-client',
    organizations: ['system:masters'],
    usage: 'client',
  });
  await issue(
    'etcd',
    { commonName: 'etcd', hosts: ['127.0.0.1', 'localhost'], usage: 'both' },
    etcdAuthority,
  );
  await issue('etcd-client', { commonName: 'kube-apiserver-etcd-client', usage: 'client' }, etcdAuthority);
  await storeServiceAccountKeys(path);
  return {
    authority,
    admin: await issue('admin', {
      commonName: 'waba-local-admin',
      organizations: ['system:masters'],
      usage: 'client',
    }),
    controllerManager: await issue('controller-manager', {
      commonName: 'system:kube-controller-manager',
      usage: 'client',
    }),
    scheduler: await issue('scheduler', { commonName: 'system:kube-scheduler', usage: 'client' }),
    node: await issue('node', {
      commonName: 'waba-local-node',
      hosts: ['127.0.0.1', 'localhost'],
      usage: 'server',
    }),
    path,
  };
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
