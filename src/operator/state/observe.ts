import { type KubeObject, keyOf, objectKey, splitKey } from '../../engine/kube/kubeObject.ts';
import { backupJobName } from '../plan/facts/backups.ts';
import { NETWORK } from '../plan/facts/names.ts';
import type { ApiObservation, Observation } from '../plan/facts/observed.ts';
import { podSecretNames } from '../plan/facts/podSecrets.ts';
import { type RestoreNews, restoreJobName } from '../plan/facts/restore.ts';
import { databaseKey } from '../plan/facts/stackSettings.ts';
import type { WhatsAppBackup } from '../resource/whatsAppBackup.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import type { JournalStore } from './journalStore.ts';
import type { ReferencedSecrets } from './referencedSecrets.ts';
import type { RivalStacks } from './rivalStacks.ts';
import type { SecretLabels } from './secretLabels.ts';
import { stackObjects } from './stackObjects.ts';
import {
  clusterView,
  parsedBackups,
  parsedStacks,
  referencedSecretNames,
  type StackSources,
  withPublished,
} from './stackSources.ts';

export interface ObserveContext {
  readonly sources: StackSources;
  readonly journals: JournalStore;
  readonly referenced: ReferencedSecrets;
  readonly rivals: RivalStacks;
  readonly secretLabels: Pick<SecretLabels, 'restore'>;
  /** Why the operator cannot read all of a namespace; unless it is empty, nothing in the namespace is changed. */
  readonly missing: (namespace: string) => readonly string[];
  /** How far each restore is, by key. */
  readonly restores: ReadonlyMap<string, RestoreNews>;
  /** Whether the controller of the backups works on a stack at the moment. */
  readonly isBackingUp: (key: string) => boolean;
  /** The last observation of the application controller, by key. */
  readonly observations: ReadonlyMap<string, ApiObservation>;
}

/** Reads caches; calls the API server only for a Secret that has changed: a referenced one, or one without its labels. */
export async function observe(
  stored: WhatsAppDeployment,
  context: ObserveContext,
  signal: AbortSignal,
): Promise<Observation> {
  const { sources, journals, referenced, rivals, restores, observations, secretLabels } = context;
  const key = keyOf(stored as unknown as KubeObject);
  // Before the caches are read, so that no Job is overlooked: a pass that ends meanwhile has put its Job into them.
  const isBackingUp = context.isBackingUp(key);
  const cluster = clusterView(stored, sources);
  const resource = withPublished(stored, cluster);
  const { namespace } = resource.metadata;
  // The network process takes Secrets from the specs of all stacks that share it.
  const ofNetwork = sources.stacks.cache.byIndex('namespace', namespace).flatMap(({ spec }) => {
    const { imagePullSecrets, emulator } = (spec ?? {}) as Partial<WhatsAppDeployment['spec']>;
    return podSecretNames({ imagePullSecrets, emulator });
  });
  const secretNames = [...referencedSecretNames(resource), ...podSecretNames(resource.spec), ...ofNetwork];
  const referencedSecrets = await referenced.read(namespace, secretNames, signal);
  // Caches are read in one go after this: an event in between would make a Secret look lost.
  await secretLabels.restore(resource, signal);
  const shared = `${namespace}/${NETWORK.name}`;
  const [own, common] = [stackObjects(key, sources), stackObjects(shared, sources)];
  const database = databaseKey(resource);
  const backups = parsedBackups(sources.backups.cache.byIndex('deployment', key));
  return {
    resource,
    stacks: parsedStacks(sources.stacks.cache.byIndex('namespace', namespace)).filter(
      ({ metadata }) => !metadata.deletionTimestamp,
    ),
    sameNumber: parsedStacks(sources.stacks.cache.byIndex('number', resource.spec.phoneNumber)),
    sameDatabase: parsedStacks(
      database === undefined ? [] : sources.stacks.cache.byIndex('database', database),
    ),
    rivals: rivals.of(resource),
    children: new Map([...own.children, ...common.children]),
    pods: own.pods,
    sharedPods: common.pods,
    ...(cluster ? { cluster } : {}),
    referenced: referencedSecrets,
    backups,
    databaseJobs: databaseJobs(key, backups, sources),
    isBackingUp,
    journal: journals.read(resource),
    restore: restores.get(key),
    api: observations.get(key),
  };
}

/** A Job may be there before the status of its backup says so. */
function databaseJobs(
  key: string,
  backups: readonly WhatsAppBackup[],
  { children }: Pick<StackSources, 'children'>,
): KubeObject[] {
  const { namespace, name } = splitKey(key);
  const wanted = new Set([
    restoreJobName(name, 'restore'),
    ...backups.map(({ metadata }) => backupJobName(metadata.name, 'run')),
  ]);
  return children
    .filter(({ kind }) => kind.kind === 'Job')
    .flatMap(({ cache }) => [
      ...cache.byIndex('restore', key),
      ...backups.flatMap(({ metadata }) => cache.byIndex('backup', objectKey(namespace, metadata.name))),
    ])
    .filter((job) => wanted.has(job.metadata.name));
}
