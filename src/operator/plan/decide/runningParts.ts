import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { backupJobName, phaseOf } from '../facts/backups.ts';
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

/** As a part of a sentence about what somebody waits for; none if all have stopped. */
export const nodesToStop = ({ sets, pods }: RunningNodes): string[] =>
  sets.length + pods.length > 0
    ? [`the Webapps, Masters and Coreapps to stop${pods.length > 0 ? `: ${pods.join(', ')}` : ''}`]
    : [];

/** Names of the Jobs of a stack that have not ended. */
export const runningJobs = (observed: Seen, concerns: (component: string) => boolean): string[] =>
  ownedBy(observed, 'Job')
    .filter((job) => concerns(componentOf(job)) && !isEnded(job))
    .map(({ metadata }) => metadata.name);

/** Whether no pod of a Job runs any more. */
const isEnded = (job: KubeObject): boolean => isComplete(job) || endOf(job, 'Failed') !== undefined;

/**
 * What works with the database besides the nodes and the stack's own Jobs, as sentence parts: `WhatsAppBackup nightly`. A
 * Job is created before the status of its backup tells of it, and by another controller: what that one is doing at the
 * moment counts too.
 */
export function databaseUsers({ backups = [], databaseJobs = [], isBackingUp }: Users): string[] {
  const running = backups.filter((backup) => phaseOf(backup) === 'Running');
  const told = running.map(({ metadata }) => backupJobName(metadata.name, 'run'));
  return [
    ...running.map(({ metadata }) => `WhatsAppBackup ${metadata.name}`),
    ...databaseJobs
      .filter((job) => !isEnded(job) && !told.includes(job.metadata.name))
      .map(({ metadata }) => `Job ${metadata.name}`),
    ...(isBackingUp ? ['a look at the backups'] : []),
  ];
}

type Users = Pick<Observation, 'backups' | 'databaseJobs' | 'isBackingUp'>;
