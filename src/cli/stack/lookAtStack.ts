import { systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { isForbidden, isNotFound } from '../../engine/kube/apiError.ts';
import { type KubeObject, kinds, type ResourceKind } from '../../engine/kube/kubeObject.ts';
import { type ClusterView, clusterChoice } from '../../operator/plan/facts/databaseCluster.ts';
import type { Journal } from '../../operator/plan/facts/journal.ts';
import {
  annotations,
  generatedSecretNames,
  labels,
  MANAGED_SELECTOR,
  NETWORK,
  names,
  sharedSecretNames,
} from '../../operator/plan/facts/names.ts';
import { type Observed, podsSeen, type ReferencedSecret } from '../../operator/plan/facts/observed.ts';
import { decodeSecret, type SecretObject } from '../../operator/plan/facts/secrets.ts';
import { databaseKey } from '../../operator/plan/facts/stackSettings.ts';
import { childKey } from '../../operator/plan/render/child.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { readJournal } from '../../operator/state/journalStore.ts';
import type { PodObject } from '../../operator/state/podObject.ts';
import { podView } from '../../operator/state/podView.ts';
import {
  CHILD_KINDS,
  CLUSTER_KINDS,
  COMPANION_KINDS,
  OPTIONAL_KINDS,
  parsedStacks,
  referencedSecretNames,
  WhatsAppDeploymentKind,
  withPublished,
} from '../../operator/state/stackSources.ts';
import type { ClusterAccess } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { apiFromStatus, journalFromStatus, matchedFromStatus } from './statusMemory.ts';

/** A stack as the user of the CLI may see it. */
export interface Look {
  readonly observed: Observed;
  /** Secrets that the user may not read. */
  readonly hidden: ReadonlySet<string>;
  /** Kinds that the user may not list: what happens to their objects is not foreseen. */
  readonly unreadable: ReadonlySet<string>;
  readonly unseen: readonly string[];
}

interface Looker {
  readonly access: ClusterAccess;
  readonly context: CliContext;
  readonly unseen: string[];
}

/**
 * Reads what the operator would observe of a resource, with the rights of the user. What may not be read is named.
 * @param resource the resource as it will be; `stored` is as it is, if it exists
 * @param given Secrets that the user is about to create, by name
 */
export async function lookAtStack(
  { access, context }: Pick<Looker, 'access' | 'context'>,
  declared: WhatsAppDeployment,
  stored: WhatsAppDeployment | undefined,
  given: ReadonlyMap<string, SecretObject>,
): Promise<Look> {
  const looker: Looker = { access, context, unseen: [] };
  const cluster = await lookAtCluster(looker, declared);
  const resource = withPublished(declared, cluster);
  const { name } = resource.metadata;
  const unreadable = new Set<string>();
  const children = new Map<string, KubeObject>();
  const choice = clusterChoice(declared);
  const companions = choice?.isOurs ? COMPANION_KINDS[choice.field] : [];
  if (choice?.isOurs && cluster?.object) children.set(childKey(cluster.object), cluster.object);
  const listed = [...CHILD_KINDS.map((one) => kinds[one]), ...OPTIONAL_KINDS, ...companions, kinds.Pod];
  for (const kind of listed) {
    if (kind === kinds.Secret) continue;
    const found = await listOwn(looker, kind);
    if (!found) unreadable.add(kind.kind);
    for (const object of found ?? [])
      if ([name, NETWORK.name].includes(object.metadata.labels?.[labels.instance] ?? ''))
        children.set(childKey(object), object);
  }
  const pods = [...children.values()]
    .filter(({ kind, metadata }) => kind === 'Pod' && metadata.labels?.[labels.instance] === name)
    .map((pod) => podView(pod as PodObject));
  for (const [key, { kind }] of children) if (kind === 'Pod') children.delete(key);

  const secrets = await readSecrets(looker, resource, stored, given);
  for (const secret of secrets.own) children.set(childKey(secret), secret);
  const matched = secrets.journal?.matched ?? (stored && matchedFromStatus(stored));
  const remembered = secrets.journal
    ? { ...secrets.journal, ...(matched ? { matched } : {}) }
    : journalFromStatus(stored, children);
  const now = systemClock.now();
  return {
    observed: {
      resource,
      ...(await otherStacks(looker, resource)),
      children,
      pods,
      ...(cluster ? { cluster } : {}),
      referenced: secrets.referenced,
      journal: remembered,
      api: stored && apiFromStatus(stored, now, podsSeen(pods)),
      mayRoll: true,
      nowMs: now,
      ...(secrets.hidden.size > 0 ? { secretsHash: liveSecretsHash(children, name) ?? '' } : {}),
    },
    hidden: secrets.hidden,
    unreadable,
    unseen: looker.unseen,
  };
}

/** The database cluster of another operator that the stack uses; undefined if it is not there, or may not be read. */
async function lookAtCluster(
  { access, context, unseen }: Looker,
  resource: WhatsAppDeployment,
): Promise<ClusterView | undefined> {
  const choice = clusterChoice(resource);
  if (!choice) return undefined;
  try {
    const kind = CLUSTER_KINDS[choice.field];
    const object = await access.client.get<KubeObject>(kind, access.namespace, choice.name, context.signal);
    return { access: 'Served', object };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    if (!isForbidden(error)) throw error;
    unseen.push(`could not look at ${choice.kind} ${choice.name}, so what follows from it is not foreseen`);
    return undefined;
  }
}

/** Undefined if the user may not list the kind. A kind that the cluster does not serve has no objects. */
async function listOwn(
  { access, context, unseen }: Looker,
  kind: ResourceKind,
): Promise<readonly KubeObject[] | undefined> {
  try {
    const options = { namespace: access.namespace, labelSelector: MANAGED_SELECTOR };
    return (await access.client.list(kind, options, context.signal)).items;
  } catch (error) {
    if (isNotFound(error)) return [];
    if (!isForbidden(error)) throw error;
    unseen.push(
      `could not look at objects of kind ${kind.kind} in namespace ${access.namespace}, so what happens to them is not foreseen`,
    );
    return undefined;
  }
}

async function otherStacks(
  { access, context, unseen }: Looker,
  resource: WhatsAppDeployment,
): Promise<Pick<Observed, 'stacks' | 'sameNumber' | 'sameDatabase'>> {
  const { name, namespace } = resource.metadata;
  const isSame = ({ metadata }: WhatsAppDeployment) =>
    metadata.name === name && metadata.namespace === namespace;
  const list = async (options: { readonly namespace?: string }) =>
    parsedStacks((await access.client.list(WhatsAppDeploymentKind, options, context.signal)).items);
  const all = await list({}).catch((error: unknown) => {
    if (!isForbidden(error)) throw error;
    unseen.push(
      `could not look at stacks of other namespaces, so whether one has the number ${resource.spec.phoneNumber} is not foreseen`,
    );
    return list({ namespace });
  });
  const database = databaseKey(resource);
  const others = all.filter((stack) => !isSame(stack) && !stack.metadata.deletionTimestamp);
  return {
    stacks: [...others.filter(({ metadata }) => metadata.namespace === namespace), resource],
    sameDatabase: others.filter((other) => database !== undefined && databaseKey(other) === database),
    sameNumber: [...others.filter(({ spec }) => spec.phoneNumber === resource.spec.phoneNumber), resource],
  };
}

interface Secrets {
  readonly own: readonly KubeObject[];
  readonly referenced: ReadonlyMap<string, ReferencedSecret>;
  readonly journal: Journal | undefined;
  readonly hidden: ReadonlySet<string>;
}

/** Values that stand for those of a Secret that may not be read. */
const UNKNOWN = 'eA==';

async function readSecrets(
  looker: Looker,
  resource: WhatsAppDeployment,
  stored: WhatsAppDeployment | undefined,
  given: ReadonlyMap<string, SecretObject>,
): Promise<Secrets> {
  const { name } = resource.metadata;
  const hidden = new Set<string>();
  const read = async (secretName: string): Promise<SecretObject | undefined> => {
    const own = given.get(secretName);
    if (own) return own;
    try {
      const { client, namespace } = looker.access;
      return await client.get<SecretObject>(kinds.Secret, namespace, secretName, looker.context.signal);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (!isForbidden(error)) throw error;
      hidden.add(secretName);
      looker.unseen.push(
        `could not look at Secret ${secretName}, so what follows from its content is not foreseen`,
      );
      return undefined;
    }
  };
  const journalSecret = await read(names(name).journal);
  const own: KubeObject[] = [];
  for (const secretName of [...generatedSecretNames(resource), ...sharedSecretNames(resource)]) {
    const found = await read(secretName);
    if (found) own.push({ ...found, kind: 'Secret' });
    else if (hidden.has(secretName) && stored) own.push(placeholder(secretName));
  }
  const referenced = new Map<string, ReferencedSecret>();
  for (const secretName of new Set(referencedSecretNames(resource))) {
    const found = (await read(secretName)) ?? (hidden.has(secretName) ? placeholder(secretName) : undefined);
    const data = found && decodeSecret(found);
    referenced.set(secretName, { name: secretName, data, raw: found?.data });
  }
  // Without the journal, nothing tells which content the stack has of Secrets that the stored resource names.
  if (hidden.has(names(name).journal) && stored)
    for (const secretName of [
      names(name).adminSecret,
      names(name).authoritySecret,
      ...referencedSecretNames(stored),
    ])
      hidden.add(secretName);
  return { own, referenced, journal: journalSecret && journalOf(journalSecret, looker), hidden };
}

function journalOf(secret: SecretObject, { unseen }: Looker): Journal | undefined {
  try {
    return readJournal(secret);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    unseen.push(`${error.message}; calls of the API are foreseen from the status alone`);
    return undefined;
  }
}

const placeholder = (name: string): SecretObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  data: { username: UNKNOWN, password: UNKNOWN, 'ca.crt': UNKNOWN },
});

/** The hash that a live Coreapp or Webapp carries. */
function liveSecretsHash(children: ReadonlyMap<string, KubeObject>, name: string): string | undefined {
  const live =
    children.get(`Deployment/${names(name).webapp}`) ??
    children.get(`StatefulSet/${names(name).slot('coreapp', 0)}`);
  const { template } = (live?.spec ?? {}) as { readonly template?: Pick<KubeObject, 'metadata'> };
  return template?.metadata.annotations?.[annotations.secrets];
}
