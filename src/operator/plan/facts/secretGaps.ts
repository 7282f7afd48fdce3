import { DEFAULT_ADMIN } from '../../../onprem/users.ts';
import { clusterChoice } from './databaseCluster.ts';
import { type GeneratedPart, generatedSecretsOf } from './generatedSecrets.ts';
import { marked } from './managedTls.ts';
import { isNode, labels, names } from './names.ts';
import type { Observation } from './observed.ts';
import { decodeSecret, type SecretObject } from './secrets.ts';

/** Keys of a generated Secret that somebody removed or emptied. */
export interface SecretGap {
  readonly name: string;
  readonly part: GeneratedPart;
  /** Keys without a value, and keys with another value than the only one that they can have. */
  readonly keys: readonly string[];
  /**
   * What the operator writes: the values that it knows, or new ones for all keys of the Secret, because they belong
   * together. Undefined if something uses a value that only a person can put back.
   */
  readonly remedy: { readonly values: Readonly<Record<string, string>> } | 'new' | undefined;
}

/** A generated Secret, with the values that it gets back; undefined if it gets new ones. */
export interface SecretMend {
  readonly name: string;
  readonly values: Readonly<Record<string, string>> | undefined;
  /** The values replace those of before a rotation, and nobody removed anything. */
  readonly isRotated?: true;
}

type Facts = Pick<Observation, 'resource' | 'children' | 'sharedPods' | 'journal' | 'secretsHash'>;

/** The gaps in the Secrets that exist. A Secret that is gone as a whole is a matter of `lostSecrets`. */
export function secretGaps(facts: Facts): SecretGap[] {
  // An observer who may not read Secrets does not see what they hold.
  if (facts.secretsHash !== undefined) return [];
  return generatedSecretsOf(facts.resource).flatMap(({ name, part, keys }) => {
    const secret = facts.children.get(`Secret/${name}`) as SecretObject | undefined;
    if (!secret || secret.metadata.deletionTimestamp) return [];
    const data = decodeSecret(secret);
    const known = knownValues(part, facts);
    const isFixed = (key: string) => part === 'admin' && key === 'username';
    const open = keys.filter((key) => !data[key]?.trim() || (isFixed(key) && data[key] !== known[key]));
    if (open.length === 0) return [];
    const values = Object.fromEntries(open.flatMap((key) => (known[key] ? [[key, known[key]]] : [])));
    const isComplete = open.every((key) => key in values);
    const remedy = isComplete ? ({ values } as const) : isInUse(part, facts) ? undefined : 'new';
    return [{ name, part, keys: open, remedy }];
  });
}

/** The values that the journal remembers, and those that can't be others. */
function knownValues(
  part: GeneratedPart,
  { resource, journal }: Facts,
): Readonly<Record<string, string | undefined>> {
  if (part === 'database') return journal?.databaseLogin ?? {};
  if (part !== 'admin') return {};
  const { username } = DEFAULT_ADMIN;
  // The password of the journal is then the one that the user declared.
  const isDeclared = resource.spec.users?.some(({ name }) => name === username);
  return {
    username,
    password: isDeclared ? undefined : (journal?.adminPassword ?? journal?.adminPasswordPending),
  };
}

/** Whether something holds the values of a Secret. In doubt it does: without a journal, nobody knows. */
function isInUse(part: GeneratedPart, { resource, children, sharedPods = [], journal }: Facts): boolean {
  if (part === 'control') return sharedPods.some(({ terminating }) => !terminating);
  if (!journal) return true;
  const cluster = clusterChoice(resource);
  switch (part) {
    case 'database':
      return (
        journal.databaseLogin !== undefined ||
        children.has(`PersistentVolumeClaim/${names(resource.metadata.name).databaseClaim}`)
      );
    case 'databaseCertificate':
      return marked({ resource, children }).length > 0;
    case 'clusterLogin':
    case 'clusterRoot':
    case 'clusterCertificate':
      return cluster !== undefined && children.has(`${cluster.kind}/${cluster.name}`);
    case 'cloud':
      // The gateway takes other tokens while it runs, and subscribes anew.
      return false;
    case 'admin':
      // The journal has no password that the stack took, or the user declared another one.
      return false;
    case 'keys':
      return [...children.values()].some(
        ({ kind, metadata, spec }) =>
          (kind === 'Deployment' || kind === 'StatefulSet') &&
          isNode(metadata.labels?.[labels.component]) &&
          (spec as { readonly replicas?: number } | undefined)?.replicas !== 0,
      );
    case 'authority':
      return journal.served !== undefined;
    case 'registration':
      // A registered number needs neither again, and a new registration takes a new pair.
      return journal.registration !== undefined && journal.registration.phase !== 'registered';
  }
}
