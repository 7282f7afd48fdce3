import { databaseClusters } from '../../resource/databaseClusters.ts';
import { clusterPublishers } from '../facts/clusterPublishers.ts';
import { clusterChoice } from '../facts/databaseCluster.ts';
import type { Observation } from '../facts/observed.ts';
import { unmet, type Verdict } from './conditions.ts';

/** Checks of the database cluster that another operator runs. */

type Facts = Pick<Observation, 'resource' | 'cluster'>;

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
export function clusterIsAwaited({ resource, cluster }: Facts): Verdict<'DatabaseReady'> | undefined {
  const choice = clusterChoice(resource);
  if (!choice || cluster?.access !== 'Served') return undefined;
  const what = `${choice.kind} ${choice.name}`;
  if (!cluster.object) return unmet('DatabaseReady', 'ClusterNotServing', `${what} does not exist yet`);
  const { isServing, words } = clusterPublishers[choice.field].state(cluster.object);
  return isServing
    ? undefined
    : unmet(
        'DatabaseReady',
        'ClusterNotServing',
        `${what} takes no writes: ${words}. Nodes that run connect again by themselves; kubectl describe ${choice.kind.toLowerCase()} ${choice.name} shows more`,
      );
}

/** `; Cluster shop-db: Cluster in healthy state; 3 of 3 instances are ready`, for a database that is ready. */
export function clusterWords({ resource, cluster }: Facts): string {
  const choice = clusterChoice(resource);
  if (!choice || !cluster?.object) return '';
  return `; ${choice.kind} ${choice.name}: ${clusterPublishers[choice.field].state(cluster.object).words}`;
}
