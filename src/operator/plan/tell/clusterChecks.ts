import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { databaseClusters } from '../../resource/databaseClusters.ts';
import { clusterPublishers } from '../facts/clusterPublishers.ts';
import { type ClusterChoice, clusterChoice } from '../facts/databaseCluster.ts';
import type { Observation } from '../facts/observed.ts';
import { unmet, type Verdict } from './conditions.ts';

/** Checks of the database cluster that another operator runs. */

type Facts = Pick<Observation, 'resource' | 'cluster'>;
type SeenFacts = Facts & Pick<Observation, 'children'>;

/** Why the operator can neither create nor use the cluster. */
export function clusterProblem({ resource, cluster }: Facts): Verdict<'DatabaseReady'> | undefined {
  const choice = clusterChoice(resource);
  if (!choice || !cluster) return undefined;
  const { field, kind, name, isOurs } = choice;
  const { apiVersion, operator } = databaseClusters[field];
  if (cluster.access === 'Off')
    return unmet(
      'DatabaseReady',
      'ClusterNotAllowed',
      `this installation does not let the operator look at ${apiVersion} ${kind}, which spec.database.${field} needs; set the value databaseOperators.${field} of its Helm chart to true`,
    );
  if (cluster.access === 'Absent')
    return unmet(
      'DatabaseReady',
      'KindMissing',
      `${kind} ${name}: the cluster does not serve ${apiVersion} ${kind}; install ${operator}, or choose another database in spec.database`,
    );
  if (!cluster.object)
    return isOurs
      ? undefined
      : unmet(
          'DatabaseReady',
          'ClusterMissing',
          `${kind} ${name} does not exist in this namespace; create it, or correct spec.database.${field}.name`,
        );
  const { lack } = clusterPublishers[field].state(cluster.object);
  return lack === undefined ? undefined : unmet('DatabaseReady', 'ClusterUnfit', lack);
}

/** What the cluster is waited for, in the words of its operator; undefined once it serves. */
export function clusterIsAwaited(facts: SeenFacts): Verdict<'DatabaseReady'> | undefined {
  const { resource, cluster } = facts;
  const choice = clusterChoice(resource);
  if (!choice || cluster?.access !== 'Served') return undefined;
  const what = `${choice.kind} ${choice.name}`;
  if (!cluster.object) return unmet('DatabaseReady', 'ClusterNotServing', `${what} does not exist yet`);
  const { isServing, words } = clusterPublishers[choice.field].state(cluster.object);
  if (!isServing)
    return unmet(
      'DatabaseReady',
      'ClusterNotServing',
      `${what} takes no writes: ${words}. Nodes that run connect again by themselves; ${describe(choice.kind, choice.name)}`,
    );
  return choice.isOurs ? companionIsAwaited(choice, facts) : undefined;
}

/** The user of the stack, and its rights, which the other operator makes in a created cluster. */
function companionIsAwaited(
  { field, name }: ClusterChoice,
  { children }: SeenFacts,
): Verdict<'DatabaseReady'> | undefined {
  const { companions, operator } = databaseClusters[field];
  for (const kind of companions) {
    const object = children.get(`${kind}/${name}`) as KubeObject & { readonly status?: Conditions };
    const ready = object?.status?.conditions?.find(({ type }) => type === 'Ready');
    if (ready?.status === 'True') continue;
    const words = object
      ? (ready?.message ?? `${operator} has not looked at it yet`)
      : 'it does not exist yet';
    return unmet(
      'DatabaseReady',
      'ClusterNotServing',
      `${kind} ${name} is not ready, so the stack has no login: ${words}; ${describe(kind, name)}`,
    );
  }
  return undefined;
}

interface Conditions {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly message?: string;
  }[];
}

const describe = (kind: string, name: string): string =>
  `kubectl describe ${kind.toLowerCase()} ${name} shows more`;

/** `; Cluster shop-db: Cluster in healthy state; 3 of 3 instances are ready`, for a database that is ready. */
export function clusterWords({ resource, cluster }: Facts): string {
  const choice = clusterChoice(resource);
  if (!choice || !cluster?.object) return '';
  return `; ${choice.kind} ${choice.name}: ${clusterPublishers[choice.field].state(cluster.object).words}`;
}
