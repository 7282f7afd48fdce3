import { type ManagedEngine, managedEngines } from '../../resource/managedEngines.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { DEFAULT_RESOURCES } from '../facts/capacity.ts';
import { type ManagedTls, tlsMark } from '../facts/managedTls.ts';
import { names, selectorLabels } from '../facts/names.ts';
import type { PinnedRelease } from '../facts/release.ts';
import { connectionsFor, DEFAULTS } from '../facts/stackSettings.ts';
import { type Additions, type Child, child } from './child.ts';
import type { DatabaseServer, ServerInput } from './databaseServer.ts';
import type { Inputs } from './fingerprint.ts';
import { mariadbServer, mysqlServer } from './mysqlServer.ts';
import type { PodRelease } from './nodeInputs.ts';
import { podTemplate } from './podTemplate.ts';
import { postgresServer } from './postgresServer.ts';
import { serverTls } from './serverTls.ts';
import { claim, service } from './surroundings.ts';

/** The user of the server in the official images of all engines, the only suitable one in their /etc/passwd. */
export const DATABASE_USER = 999;

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
    > & {
      /** Absent: PostgreSQL, whose inputs stay what they were. */
      readonly engine?: Exclude<ManagedEngine, 'PostgreSQL'>;
      /** Connections of MySQL and MariaDB. */
      readonly connections?: number;
    };
  };
}

/** A single database server, for development and low traffic. */
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
  const { engine } = managed;
  const { port, protocol, memory } = managedEngines[engine];
  const portName = protocol === 'PGSQL' ? 'postgres' : 'mysql';
  return [
    claim(resource, 'database', of.databaseClaim, managed.storage),
    service(resource, 'database', of.database, {
      ports: [{ name: portName, port, targetPort: portName }],
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
            ...(engine === 'PostgreSQL' ? {} : { engine, connections: connectionsFor(resource) }),
          },
        },
      },
      release: { ...release, databaseTls },
      render,
      additions: { resources: { requests: { ...DEFAULT_RESOURCES.other.requests, memory } } },
    }),
  ];
}

const SERVERS: Readonly<Record<ManagedEngine, (input: ServerInput) => DatabaseServer>> = {
  PostgreSQL: postgresServer,
  MySQL: mysqlServer,
  MariaDB: mariadbServer,
};

function render({ name, spec }: DatabaseInputs, release: PodRelease, { resources: defaults }: Additions) {
  const of = names(name);
  const hasTls = release.databaseTls;
  const {
    engine = 'PostgreSQL',
    connections = DEFAULTS.postgresConnections,
    version = release.databaseVersion,
    resources = defaults,
    podTemplate: overrides,
  } = spec.database;
  const server = SERVERS[engine]({ secretName: of.databaseSecret, hasTls, version, connections, resources });
  const template = podTemplate({
    stack: name,
    component: 'database',
    annotations: tlsMark(hasTls),
    imagePullSecrets: spec.imagePullSecrets,
    resources,
    overrides,
    terminationGracePeriodSeconds: server.terminationGracePeriodSeconds,
    user: DATABASE_USER,
    container: {
      image: spec.image ?? `${release.database}:${version}`,
      ...server.container,
      volumeMounts: [
        { name: 'data', mountPath: server.dataPath },
        { name: 'run', mountPath: server.runPath },
        { name: 'tmp', mountPath: '/tmp' },
        ...(hasTls ? [serverTls.volumeMount] : []),
      ],
    },
    volumes: [
      { name: 'data', persistentVolumeClaim: { claimName: of.databaseClaim } },
      { name: 'run', emptyDir: {} },
      { name: 'tmp', emptyDir: {} },
      ...(hasTls ? [serverTls.volume(of.databaseCertificateSecret)] : []),
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
