import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { DEFAULT_RESOURCES } from '../facts/capacity.ts';
import { type ManagedTls, tlsMark } from '../facts/managedTls.ts';
import { names, selectorLabels } from '../facts/names.ts';
import type { PinnedRelease } from '../facts/release.ts';
import { DEFAULTS } from '../facts/stackSettings.ts';
import { type Additions, type Child, child } from './child.ts';
import type { Inputs } from './fingerprint.ts';
import type { PodRelease } from './nodeInputs.ts';
import { podTemplate } from './podTemplate.ts';
import { serverTls } from './serverTls.ts';
import { claim, service } from './surroundings.ts';

/** The user `postgres` of the official image, the only suitable one in its /etc/passwd. */
const DATABASE_USER = 999;

type Spec = WhatsAppDeployment['spec'];
interface DatabaseInputs extends Inputs {
  readonly name: string;
  /** Whether the server offers TLS, if a user decided it. */
  readonly databaseTls?: boolean;
  readonly spec: {
    readonly image: string | undefined;
    readonly imagePullSecrets: Spec['imagePullSecrets'];
    readonly database: Pick<
      NonNullable<Spec['database']['managed']>,
      'version' | 'resources' | 'podTemplate'
    >;
  };
}

/** A single PostgreSQL server, for development and low traffic. */
export function managedDatabase(
  resource: WhatsAppDeployment,
  release: PinnedRelease,
  { server: databaseTls, isDeclared }: ManagedTls,
): Child[] {
  const { spec } = resource;
  const { managed } = spec.database;
  if (!managed) return [];
  const { name } = resource.metadata;
  const of = names(name);
  return [
    claim(resource, 'database', of.databaseClaim, managed.storage),
    service(resource, 'database', of.database, {
      ports: [{ name: 'postgres', port: 5432, targetPort: 'postgres' }],
    }),
    child(resource, {
      component: 'database',
      identity: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: of.database },
      restarts: true,
      inputs: {
        name,
        ...(isDeclared ? { databaseTls } : {}),
        spec: {
          image: spec.images?.database,
          imagePullSecrets: spec.imagePullSecrets,
          database: {
            version: managed.version,
            resources: managed.resources,
            // Left out while it is not set, so that the hash of this input stays.
            ...(managed.podTemplate ? { podTemplate: managed.podTemplate } : {}),
          },
        },
      },
      release: { ...release, databaseTls },
      render,
      additions: { resources: DEFAULT_RESOURCES.other },
    }),
  ];
}

const fromSecret = (secret: string, variable: string, key: string) => ({
  name: variable,
  valueFrom: { secretKeyRef: { name: secret, key } },
});

function render({ name, spec }: DatabaseInputs, release: PodRelease, { resources: defaults }: Additions) {
  const of = names(name);
  const tls = release.databaseTls ? serverTls : undefined;
  const { version = release.databaseVersion, resources = defaults, podTemplate: overrides } = spec.database;
  const template = podTemplate({
    stack: name,
    component: 'database',
    annotations: tlsMark(release.databaseTls),
    imagePullSecrets: spec.imagePullSecrets,
    resources,
    overrides,
    terminationGracePeriodSeconds: 60,
    user: DATABASE_USER,
    container: {
      image: spec.image ?? `${release.database}:${version}`,
      args: ['-c', `max_connections=${DEFAULTS.databaseConnections}`, ...(tls?.args ?? [])],
      env: [
        fromSecret(of.databaseSecret, 'POSTGRES_USER', 'username'),
        fromSecret(of.databaseSecret, 'POSTGRES_PASSWORD', 'password'),
        // A folder below the mount point: an ext4 volume has a lost+found that initdb refuses.
        { name: 'PGDATA', value: '/var/lib/postgresql/data/pgdata' },
      ],
      ports: [{ name: 'postgres', containerPort: 5432 }],
      volumeMounts: [
        { name: 'data', mountPath: '/var/lib/postgresql/data' },
        { name: 'run', mountPath: '/var/run/postgresql' },
        { name: 'tmp', mountPath: '/tmp' },
        ...(tls ? [tls.volumeMount] : []),
      ],
      readinessProbe: { tcpSocket: { port: 'postgres' }, periodSeconds: 2, timeoutSeconds: 2 },
      livenessProbe: {
        tcpSocket: { port: 'postgres' },
        periodSeconds: 10,
        timeoutSeconds: 5,
        failureThreshold: 6,
        initialDelaySeconds: 30,
      },
    },
    volumes: [
      { name: 'data', persistentVolumeClaim: { claimName: of.databaseClaim } },
      { name: 'run', emptyDir: {} },
      { name: 'tmp', emptyDir: {} },
      ...(tls ? [tls.volume(of.databaseCertificateSecret)] : []),
    ],
  });
  return {
    spec: {
      serviceName: of.database,
      replicas: 1,
      updateStrategy: { type: 'OnDelete' },
      selector: { matchLabels: selectorLabels(name, 'database') },
      template,
    },
  };
}
