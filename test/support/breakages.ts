import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createAuthority } from '../../src/base/pki/certificates.ts';
import { type KubeObject, registerKind } from '../../src/engine/kube/kubeObject.ts';
import { SCRIPTS } from '../../src/onprem/environment.ts';

registerKind({ apiVersion: 'v1', kind: 'ResourceQuota', plural: 'resourcequotas', namespaced: true });

/** One way to break a stack, and what its status must say. */
export interface Breakage {
  /** Name of the stack. */
  readonly name: string;
  /** What is wrong, for people. */
  readonly broken: string;
  readonly spec: object;
  /** Objects that exist before the stack. */
  readonly objects?: readonly KubeObject[];
  readonly namespace?: string;
  /** Reason of Ready. */
  readonly reason: string;
  /** Parts of the message of Ready. */
  readonly says: readonly string[];
  /** A condition that becomes True all the same. */
  readonly goesOn?: string;
  readonly phase?: 'Blocked' | 'Registering' | 'Configuring';
}

/** Where the breakages find servers. */
export interface Surroundings {
  readonly namespaceWithQuota: string;
  /**
   * A PostgreSQL server without TLS, whose user `waba` may create databases, whose user `guest` may not, and
   * whose user `crowded` has three connections.
   */
  readonly port: number;
  readonly freePort: number;
}

export const PASSWORD = 'a-good-password';

const secret = (name: string, data: Record<string, string>, namespace = 'default'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace },
  stringData: data,
});

const external = (port: number, credentials: string, more: object = {}) => ({
  topology: 'Single',
  database: {
    external: {
      host: '127.0.0.1',
      port,
      credentialsSecretRef: { name: credentials },
      tls: { mode: 'Disable' },
      ...more,
    },
  },
});

/** The root folder of an image whose nodes end at once. */
export async function crashingImage(): Promise<{ root: string }> {
  const root = await mkdtemp(join(tmpdir(), 'waba-crash-'));
  const program = join(root, SCRIPTS.waitOnPostgres);
  await mkdir(dirname(program), { recursive: true });
  await writeFile(program, '#!/bin/sh\necho "cannot open the licence file"\nexit 3\n');
  await chmod(program, 0o755);
  return { root };
}

/** Breakages of the database and the schema Job. */
export async function databaseBreakages({ port, freePort }: Surroundings): Promise<Breakage[]> {
  const authority = await createAuthority({ subject: 'CN=another CA' });
  const good = { username: 'waba', password: PASSWORD };
  return [
    {
      name: 'no-secret',
      broken: 'the Secret of `database.external.credentialsSecretRef` does not exist',
      spec: external(port, 'absent'),
      reason: 'SecretMissing',
      says: ['Secret absent does not exist; create it with the key username'],
    },
    {
      name: 'no-host',
      broken: '`database.external.host` has no address',
      spec: external(port, 'no-host', { host: 'db.nowhere.invalid' }),
      objects: [secret('no-host', good)],
      reason: 'DatabaseHostUnknown',
      says: ['the host name db.nowhere.invalid has no address', 'spec.database.external.host'],
    },
    {
      name: 'refused',
      broken: 'nothing listens at host and port of the external database',
      spec: external(freePort, 'refused'),
      objects: [secret('refused', good)],
      reason: 'DatabaseConnectionRefused',
      says: [`nothing accepts connections at 127.0.0.1:${freePort}`, 'ECONNREFUSED'],
    },
    {
      name: 'no-tls',
      broken: 'the external database has no TLS, and `database.external.tls` asks for it',
      spec: external(port, 'no-tls', { tls: { caSecretRef: { name: 'no-tls' } } }),
      objects: [secret('no-tls', { ...good, 'ca.crt': authority.certificatePem })],
      reason: 'DatabaseTlsFailed',
      says: ['the encryption between the stack and 127.0.0.1', 'spec.database.external.tls'],
    },
    {
      name: 'password',
      broken: 'wrong password in the Secret of the external database',
      spec: external(port, 'password'),
      objects: [secret('password', { username: 'waba', password: 'not-the-password' })],
      reason: 'DatabaseLoginRefused',
      says: ['refuses the login', 'Secret password, keys username and password'],
    },
    {
      name: 'no-rights',
      broken: 'the user of the external database may not create databases',
      spec: external(port, 'no-rights', { name: 'norights' }),
      objects: [secret('no-rights', { username: 'guest', password: PASSWORD })],
      reason: 'DatabaseRightsMissing',
      says: ['the user in Secret no-rights, key username, lacks a right', 'lacks CREATEDB'],
    },
    {
      name: 'no-room',
      broken: 'the user of the external database may open too few connections',
      spec: external(port, 'no-room', { name: 'noroom' }),
      objects: [secret('no-room', { username: 'crowded', password: PASSWORD })],
      reason: 'DatabaseConnectionsFew',
      says: [
        'too few free connections for all pods',
        'this user takes at most 3',
        'in Secret no-room, key username',
      ],
    },
    {
      name: 'engine',
      broken: 'a PostgreSQL server listens where `engine` says MySQL',
      spec: external(port, 'engine', { engine: 'MySQL' }),
      objects: [secret('engine', good)],
      reason: 'DatabaseOtherEngine',
      says: [`a PostgreSQL server listens at 127.0.0.1:${port}`, 'correct spec.database.external.engine'],
    },
    {
      name: 'db-image',
      broken: '`images.database` names an image that does not exist',
      spec: { topology: 'Single', images: { database: 'registry.invalid/nothing:1' } },
      reason: 'ImagePullFailed',
      says: ['DatabaseReady: the managed database is not ready yet', 'registry.invalid/nothing:1'],
    },
    {
      name: 'no-class',
      broken: '`database.managed.storage.storageClassName` names a class that does not exist',
      spec: {
        topology: 'Single',
        database: { managed: { storage: { size: '1Gi', storageClassName: 'fast' } } },
      },
      reason: 'ClaimUnbound',
      says: ['PersistentVolumeClaim no-class-database (StorageClass fast) is not bound', '"fast" not found'],
    },
    {
      name: 'crash',
      broken: 'the image of Coreapps and schema Job ends at once',
      spec: { ...external(port, 'good'), images: { coreapp: 'crashing:1' } },
      objects: [secret('good', good)],
      reason: 'CrashLoopBackOff',
      says: ['ended with exit code 3', 'it printed last: cannot open the licence file'],
    },
  ];
}

/** Breakages of the nodes. */
export const nodeBreakages = ({ port }: Surroundings): Breakage[] => {
  const good = (name: string, podTemplate: object, role = 'webapp') => ({
    ...external(port, 'good', { name: name.replace('-', '') }),
    nodes: { [role]: { podTemplate } },
  });
  return [
    {
      name: 'no-node',
      broken: 'no node has the labels of `nodeSelector`',
      spec: good('no-node', { nodeSelector: { disk: 'gold' } }),
      reason: 'Unschedulable',
      says: ['no node takes it', "didn't match Pod's node affinity/selector"],
    },
    {
      name: 'priority',
      broken: 'the class of `priorityClassName` does not exist',
      spec: good('priority', { priorityClassName: 'urgent' }),
      reason: 'AdmissionDenied',
      says: [
        'Deployment priority-webapp cannot create its pod',
        'no PriorityClass with name urgent was found',
      ],
    },
    {
      name: 'web-image',
      broken: '`images.webapp` names an image that does not exist',
      spec: { ...external(port, 'good', { name: 'webimage' }), images: { webapp: 'registry.invalid/web:1' } },
      reason: 'ImagePullFailed',
      says: ['Pod web-image-webapp-', 'registry.invalid/web:1'],
    },
    {
      name: 'no-env',
      broken: 'a variable of `podTemplate.env` needs a ConfigMap that does not exist',
      spec: good(
        'no-env',
        { env: [{ name: 'TOKEN', valueFrom: { configMapKeyRef: { name: 'token', key: 'value' } } }] },
        'coreapp',
      ),
      reason: 'CreateContainerConfigError',
      says: ['Pod no-env-coreapp-0-0: container', 'token'],
    },
    {
      name: 'no-volume',
      broken: 'a volume of `podTemplate.volumes` needs a ConfigMap that does not exist',
      spec: good('no-volume', { volumes: [{ name: 'extra', configMap: { name: 'extra' } }] }, 'coreapp'),
      reason: 'VolumeNotMounted',
      says: ['Pod no-volume-coreapp-0-0: a volume cannot be mounted', 'extra not found'],
    },
  ];
};

/** Breakages of objects and of the registration. */
export const otherBreakages = ({ port, namespaceWithQuota }: Surroundings): Breakage[] => {
  const on = (name: string) => external(port, 'good', { name: name.replace('-', '') });
  return [
    {
      name: 'quota',
      namespace: namespaceWithQuota,
      broken: 'a ResourceQuota leaves no room for a pod',
      spec: { topology: 'Single' },
      objects: [
        {
          apiVersion: 'v1',
          kind: 'ResourceQuota',
          metadata: { name: 'no-pods', namespace: namespaceWithQuota },
          spec: { hard: { pods: '0' } },
        },
      ],
      reason: 'QuotaExceeded',
      says: ['StatefulSet quota-database cannot create its pod', 'exceeded quota: no-pods'],
    },
    {
      name: 'foreign',
      broken: 'a Secret with the name of a generated one exists and is somebody else’s',
      spec: on('foreign'),
      objects: [secret('foreign-admin', { password: 'hands-off' })],
      reason: 'NotControlled',
      says: ['Secret foreign-admin exists and is not part of'],
    },
    {
      name: 'no-crd',
      broken: '`monitoring.podMonitor` without the CustomResourceDefinition of PodMonitors',
      spec: { ...on('no-crd'), monitoring: { podMonitor: true } },
      reason: 'KindMissing',
      goesOn: 'Registered',
      says: ['PodMonitor no-crd: the cluster does not serve monitoring.coreos.com/v1 PodMonitor'],
    },
    {
      name: 'provider',
      broken: 'the Secret of `media.providers[].credentialsSecretRef` does not exist',
      spec: {
        ...on('provider'),
        media: { providers: [{ name: 'cdn', credentialsSecretRef: { name: 'cdn' } }] },
      },
      reason: 'SecretMissing',
      says: ['SettingsSynced: Secret cdn'],
    },
    {
      name: 'no-cert',
      broken: 'the Secret of `tls.secretRef` does not exist',
      spec: { ...on('no-cert'), tls: { secretRef: { name: 'my-tls' } } },
      reason: 'SecretMissing',
      says: ['CertificatesReady: Secret my-tls with', 'does not exist'],
      goesOn: 'Registered',
    },
    {
      name: 'code',
      broken: 'no code in the Secret of `registration.codeSecretRef`',
      spec: { ...on('code'), registration: { codeSecretRef: { name: 'my-code' } } },
      reason: 'WaitingForCode',
      says: ['Secret my-code, key code'],
    },
    {
      name: 'webhook',
      broken: 'the host of `webhook.url` has no address',
      spec: { ...on('webhook'), webhook: { url: 'https://hooks.nowhere.invalid/wa' } },
      reason: 'DnsFailed',
      says: ['WebhookReady', 'hooks.nowhere.invalid'],
      phase: 'Configuring',
    },
  ];
};
