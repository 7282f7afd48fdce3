import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, keyOf, kindOf } from '../../engine/kube/kubeObject.ts';
import { nextSnapshotStep, type SnapshotStep } from '../plan/decide/snapshot.ts';
import { snapshotName } from '../plan/facts/backups.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { createIfMissing } from '../state/createIfMissing.ts';
import type { Journals } from '../state/journalStore.ts';
import { stackObjects } from '../state/stackObjects.ts';
import { parsedBackups, type StackSources } from '../state/stackSources.ts';

export interface SnapshotOptions {
  readonly client: KubeClient;
  readonly sources: StackSources;
  readonly journals: Pick<Journals, 'read'>;
  readonly missing: (namespace: string) => readonly string[];
}

/** Under `deletionPolicy: Snapshot`: takes the next step to the last backup of a stack, and says how far it is. */
export async function takeSnapshot(
  resource: WhatsAppDeployment,
  stored: KubeObject,
  { client, sources, journals, missing }: SnapshotOptions,
  signal: AbortSignal,
): Promise<SnapshotStep> {
  const { namespace } = resource.metadata;
  const found = sources.backups.cache.get(`${namespace}/${snapshotName(resource)}`);
  const step = nextSnapshotStep({
    resource,
    ...stackObjects(keyOf(stored), sources),
    journal: journals.read(resource),
    backup: found && parsedBackups([found])[0],
    missing: missing(namespace),
  });
  if (step.do === 'scale')
    for (const set of step.sets) {
      const { name } = set.metadata;
      const patch = { spec: { replicas: step.replicas } };
      const written = await client.mergePatch<KubeObject>(kindOf(set), { namespace, name }, patch, signal);
      sources.children.find(({ kind }) => kind.kind === set.kind)?.cache.observeWrite(written);
    }
  if (step.do === 'create')
    await createIfMissing(step.backup, { client, cache: sources.backups.cache }, signal);
  return step;
}
