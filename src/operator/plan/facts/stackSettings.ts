import { hashOf } from '../../../engine/kube/ownFields.ts';
import { NODE_PORTS } from '../../../onprem/environment.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { capacityFor, wantedShards } from './capacity.ts';
import { names } from './names.ts';

/** Values that several children are made from. */

export const DEFAULTS = {
  version: 'v2.57.1',
  webappReplicas: { HighAvailability: 2, Single: 1 },
  masters: 2,
  databaseVersion: '18',
  mediaSize: '10Gi',
  /** Upper bound of connections of one client container; a server with fewer would refuse some. */
  databaseConnections: '300',
} as const;

/** Images of the operator's release, by what they stand for. */
export interface ReleaseImages {
  /** Our implementation of the stack, which stacks of `stack: Emulator` run. */
  readonly stack: string;
  /** Repository of the official PostgreSQL image, or one with its contract. */
  readonly database: string;
}

export const isCluster = ({ spec }: WhatsAppDeployment): boolean => spec.topology === 'HighAvailability';

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

export interface DatabaseAddress {
  readonly engine: 'PGSQL' | 'MYSQL';
  readonly host: string;
  readonly port: number;
  readonly secretName: string;
  readonly prefix: string;
  readonly caSecret: { readonly name: string; readonly key: string } | undefined;
}

export function databaseAddress({ metadata, spec }: WhatsAppDeployment): DatabaseAddress {
  const { external } = spec.database;
  if (!external) {
    const of = names(metadata.name);
    // The full name: a database in another search domain must never answer for ours.
    return {
      engine: 'PGSQL',
      host: `${of.database}.${metadata.namespace}.svc`,
      port: 5432,
      secretName: of.databaseSecret,
      prefix: '',
      caSecret: undefined,
    };
  }
  const isMysql = external.engine === 'MySQL';
  return {
    engine: isMysql ? 'MYSQL' : 'PGSQL',
    host: external.host,
    port: external.port ?? (isMysql ? 3306 : 5432),
    secretName: external.credentialsSecretRef.name,
    // Stacks that share a server are told apart by namespace and name.
    prefix: external.name ?? `wa_${hashOf(`${metadata.namespace}/${metadata.name}`).slice(0, 8)}_`,
    caSecret: external.tls?.mode === 'VerifyCA' ? external.tls.caSecretRef : undefined,
  };
}

export function images(
  resource: WhatsAppDeployment,
  release: ReleaseImages,
): { webapp: string; coreapp: string; database: string } {
  const { spec } = resource;
  const own = spec.images;
  const version = spec.database.managed?.version ?? DEFAULTS.databaseVersion;
  return {
    webapp: own?.webapp ?? release.stack,
    coreapp: own?.coreapp ?? release.stack,
    database: own?.database ?? `${release.database}:${version}`,
  };
}

export const webappHost = ({ metadata }: WhatsAppDeployment): string =>
  `${names(metadata.name).webapp}.${metadata.namespace}.svc`;
export const NODE_PORT_LIST = Object.values(NODE_PORTS);
