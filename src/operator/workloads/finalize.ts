import type { Clock } from '../../base/clock.ts';
import { describeError } from '../../base/codedError.ts';
import type { ReconcileResult } from '../../engine/controller/controller.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, keyOf, kindOf } from '../../engine/kube/kubeObject.ts';
import { CLEANUP_FINALIZER, labels, NETWORK, names } from '../plan/facts/names.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { type StackSources, WhatsAppDeploymentKind } from '../state/stackSources.ts';

/**
 * How long the operator retries deletions that the API server refuses. After that it releases the resource anyway, because
 * its user wants it gone, and names the remaining objects in an event.
 */
const DEADLINE_MS = 10 * 60_000;
const BUSY_RETRY_MS = 500;

/** Whether the resource needs the finalizer, which deletes its data with it. */
export const wantsFinalizer = ({ spec }: Pick<WhatsAppDeployment, 'spec'>): boolean =>
  spec.deletionPolicy === 'Delete';

/** Under `deletionPolicy: Delete`: deletes the objects without owner reference, the journal last. */
export async function finalize(
  resource: WhatsAppDeployment,
  stored: KubeObject,
  options: {
    readonly client: KubeClient;
    readonly sources: StackSources;
    readonly recorder: EventRecorder;
    readonly clock: Clock;
    /** Whether the application controller works on the stack: a journal that it writes after the deletion would stay. */
    readonly isBusy: (key: string) => boolean;
  },
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { namespace, name, finalizers } = resource.metadata;
  if (!finalizers.includes(CLEANUP_FINALIZER)) return {};
  const sinceMs = options.clock.now() - Date.parse(resource.metadata.deletionTimestamp ?? '');
  const isLate = sinceMs > DEADLINE_MS;
  if (options.isBusy(keyOf(stored)) && !isLate) return { requeueAfterMs: BUSY_RETRY_MS };
  const journal = names(name).journal;
  const retained = options.sources.children
    .flatMap(({ cache }) => cache.byIndex('stack', `${namespace}/${name}`))
    .filter(({ metadata }) => metadata.labels?.[labels.instance] !== NETWORK.name)
    .filter(({ kind }) => kind === 'Secret' || kind === 'PersistentVolumeClaim')
    .sort((a, b) => Number(a.metadata.name === journal) - Number(b.metadata.name === journal));
  const left: string[] = [];
  for (const object of retained) {
    if (object.metadata.deletionTimestamp) continue;
    await options.client
      .delete(kindOf(object), namespace, object.metadata.name, { uid: object.metadata.uid }, signal)
      .catch((error: unknown) => {
        if (isNotFound(error)) return;
        if (signal.aborted || !isLate) throw error;
        left.push(`${object.kind} ${object.metadata.name} (${describeError(error)})`);
      });
  }
  if (left.length > 0) {
    const message = `the operator could not delete these within ${DEADLINE_MS / 60_000} min; delete them with kubectl: ${left.join(', ')}`;
    options.recorder.record(stored, { type: 'Warning', reason: 'CleanupIncomplete', message });
  }
  const rest = finalizers.filter((finalizer) => finalizer !== CLEANUP_FINALIZER);
  await options.client
    .mergePatch(
      WhatsAppDeploymentKind,
      { namespace, name },
      { metadata: { finalizers: rest, resourceVersion: stored.metadata.resourceVersion } },
      signal,
    )
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  return {};
}
