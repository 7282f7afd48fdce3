import { hashOf } from '../../../engine/kube/ownFields.ts';
import { databaseClusters, type PublishedLogin } from '../../resource/databaseClusters.ts';
import { type ManagedEngine, managedEngines } from '../../resource/managedEngines.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { capacityFor, wantedShards } from './capacity.ts';
import { type ClusterChoice, clusterChoice, publishedLogin } from './databaseCluster.ts';
import { names } from './names.ts';

/** Values that several children use. */

export const DEFAULTS = {
  webappReplicas: { HighAvailability: 2, Single: 1 },
  masters: 2,
  mediaSize: '10Gi',
  gatewaySize: '1Gi',
  /** Of a managed PostgreSQL. Another value would restart existing databases. */
  postgresConnections: 300,
  /** Connections of one container of the vendor's, at most; a server with a lower limit refuses some. Source: docs/onprem/deployment.md §4.4. */
  connectionsPerNode: 80,
} as const;

/** Only the fields that a function reads, so that templates can call it with their hashed inputs. */
type SpecOf<K extends keyof WhatsAppDeployment['spec']> = {
  readonly spec: Pick<WhatsAppDeployment['spec'], K>;
};
type Named = { readonly metadata: Pick<WhatsAppDeployment['metadata'], 'name' | 'namespace'> };

export const isCluster = ({ spec }: SpecOf<'topology'>): boolean => spec.topology === 'HighAvailability';

export function counts({ spec }: WhatsAppDeployment): {
  /** With autoscaling, the least number. */
  webapps: number;
  masters: number;
  coreapps: number;
  shards: number;
} {
  const { shards, standbys } = wantedShards({ spec });
  if (spec.topology === 'Single')
    return { webapps: spec.nodes?.webapp?.replicas ?? 1, masters: 0, coreapps: 1, shards };
  return {
    webapps:
      spec.nodes?.webapp?.autoscaling?.minReplicas ??
      spec.nodes?.webapp?.replicas ??
      (spec.capacity
        ? capacityFor(spec.capacity.messagesPerSecond).webapps
        : DEFAULTS.webappReplicas.HighAvailability),
    masters: spec.nodes?.master?.replicas ?? DEFAULTS.masters,
    coreapps: shards + standbys,
    shards,
  };
}

/** All nodes of a stack, with as many Webapps as autoscaling may make. */
function mostNodes(resource: WhatsAppDeployment): number {
  const { webapps, masters, coreapps } = counts(resource);
  return (resource.spec.nodes?.webapp?.autoscaling?.maxReplicas ?? webapps) + masters + coreapps;
}

/**
 * Connections that a managed MySQL or MariaDB takes. The number of nodes counts as the next power of two, and one of them
 * is for the schema Job and for people, so that most changes of the number do not restart the database.
 */
export function connectionsFor(resource: WhatsAppDeployment): number {
  const places = Math.max(LEAST_PLACES, 2 ** Math.ceil(Math.log2(mostNodes(resource) + 1)));
  return places * DEFAULTS.connectionsPerNode;
}

/** Those of the default topology with two shards, and of any smaller one. */
const LEAST_PLACES = 8;

/**
 * Connections that a container needs at least. Of our stack: measured at rest, 4 to 6, and it opens up to 16. Of the
 * vendor's: the least of the published setups. Source: docs/onprem/deployment.md §4.4.
 */
const CONNECTIONS_OF_CONTAINER = { Emulator: 6, Cloud: 6, OnPremises: 37 } as const;

/** Connections to the database that all pods of a stack need together. */
export const connectionsNeeded = (resource: WhatsAppDeployment): number =>
  mostNodes(resource) * CONNECTIONS_OF_CONTAINER[resource.spec.stack];

export interface DatabaseAddress {
  readonly engine: 'PGSQL' | 'MYSQL';
  readonly host: string;
  readonly port: number;
  readonly secretName: string;
  readonly userKey: string;
  readonly passwordKey: string;
  readonly prefix: string;
  readonly caSecret: { readonly name: string; readonly key: string } | undefined;
  /** The certificate of the server must be for `host`. */
  readonly verifiesName: boolean;
  /** Secret of type kubernetes.io/tls that the stack presents to the server. */
  readonly clientSecret: string | undefined;
}

/** What tells the address of a database. */
export interface DatabaseChoice {
  readonly external?: WhatsAppDeployment['spec']['database']['external'];
  readonly managed?: { readonly engine: ManagedEngine } | undefined;
  /** Of a cluster of another operator. */
  readonly cluster?: DatabaseAddress;
}

export function databaseAddress(
  resource: Named & {
    readonly spec: {
      readonly database: DatabaseChoice;
      readonly stack?: WhatsAppDeployment['spec']['stack'];
    };
    readonly published?: PublishedLogin | undefined;
  },
): DatabaseAddress {
  const { metadata, spec } = resource;
  const { external, managed, cluster } = spec.database;
  if (cluster) return cluster;
  const choice = clusterChoice(resource);
  if (choice) return addressOfCluster(resource, choice);
  if (!external) {
    const of = names(metadata.name);
    const { protocol, port } = managedEngines[managed?.engine ?? 'PostgreSQL'];
    // With the namespace, so that a search domain cannot resolve it to another database.
    return {
      engine: protocol,
      host: `${of.database}.${metadata.namespace}.svc`,
      port,
      secretName: of.databaseSecret,
      ...LOGIN_KEYS,
      prefix: '',
      caSecret: undefined,
      verifiesName: false,
      clientSecret: undefined,
    };
  }
  const tls = external.tls?.mode === 'Disable' ? undefined : external.tls;
  return {
    engine: external.engine === 'MySQL' ? 'MYSQL' : 'PGSQL',
    host: external.host,
    port: portOf(external),
    secretName: external.credentialsSecretRef.name,
    ...LOGIN_KEYS,
    prefix: prefixOf(metadata, external),
    caSecret: tls?.caSecretRef,
    verifiesName: tls?.mode === 'VerifyFull',
    clientSecret: tls?.clientCertificateSecretRef?.name,
  };
}

const LOGIN_KEYS = { userKey: 'username', passwordKey: 'password' } as const;

function addressOfCluster(
  { metadata, spec, published }: Parameters<typeof databaseAddress>[0],
  choice: ClusterChoice,
): DatabaseAddress {
  const { protocol, port } = databaseClusters[choice.field];
  const { service, secretName, userKey, passwordKey, caSecret } = published ?? publishedLogin(choice);
  return {
    engine: protocol,
    host: `${service}.${metadata.namespace}.svc`,
    port,
    secretName,
    userKey,
    passwordKey,
    prefix: prefixOf(metadata, {}),
    caSecret,
    // The vendor's client has no setting that verifies the name. The CA is the cluster's own.
    verifiesName: spec.stack !== 'OnPremises',
    clientSecret: undefined,
  };
}

type Server = Pick<
  NonNullable<WhatsAppDeployment['spec']['database']['external']>,
  'engine' | 'host' | 'port' | 'name'
>;

const portOf = ({ engine, port }: Pick<Server, 'engine' | 'port'>): number =>
  port ?? (engine === 'MySQL' ? 3306 : 5432);

/** Namespace and name keep stacks apart that share a server. */
const prefixOf = ({ namespace, name }: Named['metadata'], server: Pick<Server, 'name'>): string =>
  server.name ?? `wa_${hashOf(`${namespace}/${name}`).slice(0, 8)}_`;

/**
 * Which databases a stack uses on an external server, `db.example.org:5432/shop_`; undefined for a managed database. A
 * name without a dot is one of the namespace. Takes resources as they are stored.
 */
export function databaseKey(stored: {
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined };
  readonly spec?: unknown;
}): string | undefined {
  const { database } = (stored.spec ?? {}) as { readonly database?: { readonly external?: Server } };
  const server = database?.external;
  if (!server?.host) return undefined;
  const { name, namespace = '' } = stored.metadata;
  const host = server.host.toLowerCase();
  const where = /[.:]/.test(host) ? host : `${host}.${namespace}`;
  return `${where}:${portOf(server)}/${prefixOf({ name, namespace }, server)}`;
}

/**
 * Keys of Secrets that the pods of an external database, or of a cluster, need to connect to the database. Only PEM has several lines.
 */
export function databaseSecretKeys(
  resource: Parameters<typeof databaseAddress>[0],
): readonly { readonly name: string; readonly key: string; readonly isOneLine: boolean }[] {
  const { secretName, userKey, passwordKey, caSecret, clientSecret } = databaseAddress(resource);
  return [
    ...[userKey, passwordKey].map((key) => ({ name: secretName, key, isOneLine: true })),
    ...(caSecret ? [{ ...caSecret, isOneLine: false }] : []),
    ...(clientSecret
      ? ['tls.crt', 'tls.key'].map((key) => ({ name: clientSecret, key, isOneLine: false }))
      : []),
  ];
}

export const webappHost = ({ metadata }: Named): string =>
  `${names(metadata.name).webapp}.${metadata.namespace}.svc`;
