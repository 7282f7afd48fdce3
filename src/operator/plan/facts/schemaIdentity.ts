import { hashOf } from '../../../engine/kube/ownFields.ts';
import { clusterChoice } from './databaseCluster.ts';
import type { Journal } from './journal.ts';
import { names } from './names.ts';
import type { Observation } from './observed.ts';
import { databaseAddress } from './stackSettings.ts';

/** What a completed schema Job proves, as hashes. */
export interface SchemaIdentity {
  /** Of the database, the client version and the image. */
  readonly schema: string;
  /** Of the login and the CA; undefined for an observer who may not read Secrets. */
  readonly credentials: string | undefined;
}

const databaseClaim = ({ metadata }: Observation['resource']): string =>
  `PersistentVolumeClaim/${names(metadata.name).databaseClaim}`;

/**
 * Whether the operator sees what the identity is made of. A claim that lost its labels is not seen until it is applied
 * again, and its schema is none the less there.
 */
export const isIdentifiable = ({ resource, children }: Observation): boolean =>
  !resource.spec.database.managed || children.has(databaseClaim(resource));

/** Identifies the schema that the stack needs. `made` is what makes it: the client version and the image. */
export function schemaIdentity(observed: Observation, made: object): SchemaIdentity {
  const { resource, children } = observed;
  const { external, managed } = resource.spec.database;
  const claim = managed && children.get(databaseClaim(resource));
  const server = clusterChoice(resource) ? clusterIdentity(observed) : external;
  return {
    // With UIDs: a new resource, or a new volume, may find an empty database.
    schema: hashOf([made, server, resource.metadata.uid, claim?.metadata.uid]).slice(0, 16),
    credentials: observed.secretsHash === undefined ? credentialsHash(observed) : undefined,
  };
}

/** With its UID: a cluster that was made anew is empty. */
function clusterIdentity({ resource, cluster }: Observation): object {
  const { engine, host, prefix } = databaseAddress(resource);
  return { engine, host, prefix, uid: cluster?.object?.metadata.uid };
}

/** With the credentials, so that a corrected password is tried at once, and a wrong one before any pod restarts. */
function credentialsHash({ resource, children, referenced }: Observation): string {
  const { secretName, caSecret, clientSecret } = databaseAddress(resource);
  const own = children.get(`Secret/${secretName}`) as { readonly data?: unknown } | undefined;
  return hashOf([
    own?.data ?? referenced.get(secretName)?.data,
    caSecret && referenced.get(caSecret.name)?.data?.[caSecret.key],
    // Nothing unless it is set, so that what earlier versions proved still holds.
    ...(clientSecret ? [referenced.get(clientSecret)?.data] : []),
  ]).slice(0, 16);
}

/** Whether what was completed is what the stack needs. */
export const isSameSchema = (done: Journal['schemaDone'], needed: SchemaIdentity): boolean =>
  done?.schema === needed.schema &&
  (needed.credentials === undefined || done.credentials === needed.credentials);

/** As the annotation of a schema Job. */
export const schemaNote = ({ schema, credentials }: SchemaIdentity): string =>
  credentials === undefined ? schema : `${schema}.${credentials}`;

export function parseSchemaNote(note: string | undefined): Journal['schemaDone'] {
  if (note === undefined) return undefined;
  const [schema = '', credentials] = note.split('.');
  return { schema, ...(credentials === undefined ? {} : { credentials }) };
}
