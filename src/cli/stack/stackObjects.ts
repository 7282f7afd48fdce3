import { isForbidden } from '../../engine/kube/apiError.ts';
import { type KubeObject, kinds, type ResourceKind } from '../../engine/kube/kubeObject.ts';
import { labels, MANAGED_SELECTOR } from '../../operator/plan/facts/names.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import type { PodObject } from '../../operator/state/podObject.ts';
import type { ClusterAccess } from '../clusterAccess.ts';
import { shortAge } from '../shortAge.ts';

/** What owns pods, in the order of the output. */
const OWNERS = [kinds.StatefulSet, kinds.Deployment, kinds.Job] as const;

type Owner = KubeObject & {
  readonly spec?: { readonly replicas?: number; readonly completions?: number };
  readonly status?: {
    readonly readyReplicas?: number;
    readonly succeeded?: number;
    readonly updateRevision?: string;
  };
};
type Pod = PodObject & { readonly status?: { readonly phase?: string } };

/** The objects of a stack that run, or the sentence why they are not known. */
export interface StackObjects {
  readonly owners: readonly Owner[];
  readonly pods: readonly Pod[];
  /** Rights that are missing. */
  readonly unseen: readonly string[];
}

/** Reads the controllers and the pods of a stack; what the user may not list is named. @throws ApiError */
export async function readObjects(
  { client }: Pick<ClusterAccess, 'client'>,
  { metadata: { name, namespace } }: WhatsAppDeployment,
  signal: AbortSignal,
): Promise<StackObjects> {
  const unseen: string[] = [];
  const list = async <T extends KubeObject>(kind: ResourceKind): Promise<readonly T[]> => {
    const where = { namespace, labelSelector: `${MANAGED_SELECTOR},${labels.instance}=${name}` };
    try {
      return (await client.list<T>(kind, where, signal)).items;
    } catch (error) {
      if (!isForbidden(error)) throw error;
      unseen.push(`needs the right to list ${kind.plural} in namespace ${namespace}`);
      return [];
    }
  };
  const [pods, ...owners] = await Promise.all([
    list<Pod>(kinds.Pod),
    ...OWNERS.map((kind) => list<Owner>(kind)),
  ]);
  return { owners: owners.flat(), pods, unseen };
}

/** Each controller with its revision and age, and its pods below it with restarts, revision and age. */
export function objectLines({ owners, pods, unseen }: StackObjects, nowMs: number): string[] {
  const left = new Set(pods);
  const lines = [...owners].sort(byPlace).flatMap((owner) => {
    const own = pods.filter((pod) => left.has(pod) && isOf(pod, owner, owners));
    for (const pod of own) left.delete(pod);
    return [ownerLine(owner, nowMs), ...own.map((pod) => `   ${podLine(pod, owner, nowMs)}`)];
  });
  const all = [...lines, ...[...left].map((pod) => podLine(pod, undefined, nowMs)), ...unseen];
  return all.length > 0 ? all : ['none'];
}

const place = ({ kind }: Owner): number => OWNERS.findIndex((each) => each.kind === kind);
const byPlace = (a: Owner, b: Owner): number =>
  place(a) - place(b) || a.metadata.name.localeCompare(b.metadata.name);

/** Pods bear the name of their controller and a suffix; of two names that fit, the longer one is the owner's. */
function isOf(pod: Pod, owner: Owner, owners: readonly Owner[]): boolean {
  const fits = owners
    .map(({ metadata }) => metadata.name)
    .filter((name) => pod.metadata.name.startsWith(`${name}-`))
    .sort((a, b) => b.length - a.length);
  return fits[0] === owner.metadata.name;
}

function ownerLine({ kind, metadata, spec, status }: Owner, nowMs: number): string {
  const done =
    kind === 'Job'
      ? `${status?.succeeded ?? 0}/${spec?.completions ?? 1} complete`
      : `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 1} ready`;
  return [`${kind}/${metadata.name}`, done, ageOf(metadata, nowMs)].join('  ');
}

function podLine({ metadata, status }: Pod, owner: Owner | undefined, nowMs: number): string {
  const revision = metadata.labels?.['controller-revision-hash'] ?? metadata.labels?.['pod-template-hash'];
  const short = revision?.split('-').at(-1);
  const wanted = owner?.status?.updateRevision;
  const isOld = wanted !== undefined && revision !== wanted;
  const restarts = (status?.containerStatuses ?? []).reduce(
    (sum, { restartCount = 0 }) => sum + restartCount,
    0,
  );
  return [
    `Pod/${metadata.name}`,
    metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? 'Unknown'),
    `${restarts} restarts`,
    ...(short ? [`revision ${short}${isOld ? ' (old)' : ''}`] : []),
    ageOf(metadata, nowMs),
  ].join('  ');
}

const ageOf = ({ creationTimestamp }: KubeObject['metadata'], nowMs: number): string =>
  creationTimestamp ? shortAge(nowMs - Date.parse(creationTimestamp)) : '-';
