import { hashOf } from '../../../engine/kube/ownFields.ts';
import { type ManagedEngine, managedEngines } from '../../resource/managedEngines.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { capacityFor, wantedShards } from './capacity.ts';
import { names } from './names.ts';

/** Values that several children use. */

export const DEFAULTS = {
  webappReplicas: { HighAvailability: 2, Single: 1 },
  masters: 2,
  mediaSize: '10Gi',
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
      spec.nodes?.webapp?.replicas ??
      (spec.capacity
        ? capacityFor(spec.capacity.messagesPerSecond).webapps
        : DEFAULTS.webappReplicas.HighAvailability),
    masters: spec.nodes?.master?.replicas ?? DEFAULTS.masters,
    coreapps: shards + standbys,
    shards,
  };
}

/**
 * Connections that a managed MySQL or MariaDB takes. The number of nodes counts as the next power of two, and one of them
 * is for the schema Job and for people, so that most changes of the number do not restart the database.
 */
export function connectionsFor(resource: WhatsAppDeployment): number {
  const { webapps, masters, coreapps } = counts(resource);
  const places = Math.max(LEAST_PLACES, 2 ** Math.ceil(Math.log2(webapps + masters + coreapps + 1)));
  return places * DEFAULTS.connectionsPerNode;
}

/** Those of the default topology with two shards, and of any smaller one. */
const LEAST_PLACES = 8;

export interface DatabaseAddress {
  readonly engine: 'PGSQL' | 'MYSQL';
  readonly host: string;
  readonly port: number;
  readonly secretName: string;
  readonly prefix: string;
  readonly caSecret: { readonly name: string; readonly key: string } | undefined;
  /** Secret of type kubernetes.io/tls that the stack presents to the server. */
  readonly clientSecret: string | undefined;
}

/** What tells the address of a database. */
export interface DatabaseChoice {
  readonly external?: WhatsAppDeployment['spec']['database']['external'];
  readonly managed?: { readonly engine: ManagedEngine } | undefined;
}

export function databaseAddress({
  metadata,
  spec: {
    database: { external, managed },
  },
}: Named & { readonly spec: { readonly database: DatabaseChoice } }): DatabaseAddress {
  if (!external) {
    const of = names(metadata.name);
    const { protocol, port } = managedEngines[managed?.engine ?? 'PostgreSQL'];
    // With the namespace, so that a search domain cannot resolve it to another database.
    return {
      engine: protocol,
      host: `${of.database}.${metadata.namespace}.svc`,
      port,
      secretName: of.databaseSecret,
      prefix: '',
      caSecret: undefined,
      clientSecret: undefined,
    };
  }
  const tls = external.tls?.mode === 'VerifyCA' ? external.tls : undefined;
  const isMysql = external.engine === 'MySQL';
  return {
    engine: isMysql ? 'MYSQL' : 'PGSQL',
    host: external.host,
    port: external.port ?? (isMysql ? 3306 : 5432),
    secretName: external.credentialsSecretRef.name,
    // Namespace and name keep stacks apart that share a server.
    prefix: external.name ?? `wa_${hashOf(`${metadata.namespace}/${metadata.name}`).slice(0, 8)}_`,
    caSecret: tls?.caSecretRef,
    clientSecret: tls?.clientCertificateSecretRef?.name,
  };
}

/**
 * Keys of Secrets that the pods of an external database need to connect to the database. Only PEM has several lines.
 */
export function databaseSecretKeys(
  resource: Parameters<typeof databaseAddress>[0],
): readonly { readonly name: string; readonly key: string; readonly isOneLine: boolean }[] {
  const { secretName, caSecret, clientSecret } = databaseAddress(resource);
  return [
    ...['username', 'password'].map((key) => ({ name: secretName, key, isOneLine: true })),
    ...(caSecret ? [{ ...caSecret, isOneLine: false }] : []),
    ...(clientSecret
      ? ['tls.crt', 'tls.key'].map((key) => ({ name: clientSecret, key, isOneLine: false }))
      : []),
  ];
}

export const webappHost = ({ metadata }: Named): string =>
  `${names(metadata.name).webapp}.${metadata.namespace}.svc`;
