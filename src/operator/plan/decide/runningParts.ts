import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { WhatsAppBackup } from '../../resource/whatsAppBackup.ts';
import { phaseOf } from '../facts/backups.ts';
import { componentOf, isNode } from '../facts/names.ts';
import { type Observation, ownedBy } from '../facts/observed.ts';
import { endOf, isComplete } from '../tell/workloadChecks.ts';

/** What must stop before the data of a stack stand still. */
export interface RunningNodes {
  /** StatefulSets and Deployments of nodes that want pods. */
  readonly sets: readonly KubeObject[];
  /** Names of the pods of nodes that are still there. */
  readonly pods: readonly string[];
}

type Seen = Pick<Observation, 'resource' | 'children' | 'pods'>;

export function runningNodes(observed: Seen): RunningNodes {
  const sets = [...ownedBy(observed, 'StatefulSet'), ...ownedBy(observed, 'Deployment')]
    .filter((set) => isNode(componentOf(set)) && set.metadata.deletionTimestamp === undefined)
    .filter(({ spec }) => (spec as { replicas?: number } | undefined)?.replicas !== 0);
  // An evicted pod of a Deployment stays as an object, and does nothing any more.
  const pods = observed.pods
    .filter(({ component, problem }) => isNode(component) && problem?.reason !== 'Evicted')
    .map(({ name }) => name)
    .sort();
  return { sets, pods };
}

/** Names of the Jobs of a stack that have not ended. */
export const runningJobs = (observed: Seen, concerns: (component: string) => boolean): string[] =>
  ownedBy(observed, 'Job')
    .filter((job) => concerns(componentOf(job)) && !isComplete(job) && !endOf(job, 'Failed'))
    .map(({ metadata }) => metadata.name);

/** The backups of a stack that a Job is making. */
export const runningBackups = ({ backups = [] }: Pick<Observation, 'backups'>): readonly WhatsAppBackup[] =>
  backups.filter((backup) => phaseOf(backup) === 'Running');
