import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { annotations, isNode, labels, names, wantsManagedTls } from './names.ts';
import { type Observation, ownedBy } from './observed.ts';

/** TLS between a stack and its managed database. */
export interface ManagedTls {
  /** The server offers TLS. It takes plain connections too, so that the nodes can change one after the other. */
  readonly server: boolean;
  /** The nodes demand TLS and verify the server. */
  readonly nodes: boolean;
  /** A user decided it, so that a change is not held. */
  readonly isDeclared: boolean;
}

/** What tells of it. */
type Seen = Pick<Observation, 'resource' | 'children' | 'pods'>;

export const NO_TLS: ManagedTls = { server: false, nodes: false, isDeclared: false };

/**
 * The server begins before any node and ends after all of them. Only what runs tells when: a template that waits for its
 * turn encrypts nothing.
 */
export function managedTls(observed: Seen): ManagedTls {
  const { metadata, spec } = observed.resource;
  if (!spec.database.managed) return NO_TLS;
  const isWanted = wantsManagedTls(spec);
  const hasCertificate = observed.children.has(`Secret/${names(metadata.name).databaseCertificateSecret}`);
  return {
    server: (isWanted && hasCertificate) || isDemanded(observed),
    nodes: isWanted && isOffered(observed),
    isDeclared: spec.database.managed.tls !== undefined,
  };
}

/** The annotation of a pod that offers or demands TLS. */
export const tlsMark = (hasTls: boolean): Readonly<Record<string, string>> =>
  hasTls ? { [annotations.databaseTls]: 'true' } : {};

/** Whether the server offers TLS, or will when its pod is back. */
function isOffered({ resource, children, pods }: Seen): boolean {
  const running = pods.filter(({ component }) => component === 'database');
  if (running.length > 0) return running.every(({ databaseTls }) => databaseTls);
  const set = children.get(`StatefulSet/${names(resource.metadata.name).database}`);
  return set !== undefined && hasMark(set);
}

/**
 * Whether any node, or one that may start at any time, would not connect without TLS. A schema Job is none: its pod stays
 * when it has ended, and one that runs is replaced when its template changes.
 */
const isDemanded = (observed: Seen): boolean =>
  observed.pods.some(({ component, databaseTls }) => isNode(component) && databaseTls) ||
  marked(observed).some(isNode);

/** The components whose pods offer or demand TLS, or will when they start again. */
export const marked = (observed: Pick<Observation, 'resource' | 'children'>): (string | undefined)[] =>
  [...ownedBy(observed, 'StatefulSet'), ...ownedBy(observed, 'Deployment')]
    .filter(hasMark)
    .map(({ metadata }) => metadata.labels?.[labels.component]);

const hasMark = ({ spec }: KubeObject): boolean => {
  const { template } = (spec ?? {}) as { readonly template?: Pick<KubeObject, 'metadata'> };
  return template?.metadata.annotations?.[annotations.databaseTls] !== undefined;
};

/** The database of a stack from an earlier version runs before it has a certificate. */
export const isNeededLater = ({ resource, children }: Observation, secretName: string): boolean => {
  const { database, databaseCertificateSecret } = names(resource.metadata.name);
  return secretName === databaseCertificateSecret && children.has(`StatefulSet/${database}`);
};

/**
 * Whether a Secret that the operator once generated may be made anew: no data depends on what a gateway to the Cloud API has
 * been given, and a certificate is free once the stack does without it.
 */
export const isGivenUp = ({ metadata, spec }: WhatsAppDeployment, secretName: string): boolean => {
  const { databaseCertificateSecret, cloudSecret } = names(metadata.name);
  return secretName === cloudSecret || (secretName === databaseCertificateSecret && !wantsManagedTls(spec));
};

/** The generated Secrets for the journal: those that it knows already, and those that are there. */
export const rememberedSecrets = (
  resource: WhatsAppDeployment,
  known: readonly string[],
  present: readonly string[],
): string[] => [...new Set([...known.filter((name) => !isGivenUp(resource, name)), ...present])];
