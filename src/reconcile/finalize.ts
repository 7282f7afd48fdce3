import type { ReconcileResult } from '../controller/controller.ts';
import { isNotFound } from '../kube/apiError.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/eventRecorder.ts';
import { type KubeObject, keyOf, kindOf } from '../kube/kubeObject.ts';
import { CLEANUP_FINALIZER, labels, NETWORK, names } from '../plan/names.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import type { Clock } from '../runtime/clock.ts';
import { describeError } from '../runtime/codedError.ts';
import { type StackSources, WhatsAppDeploymentKind } from './stackSources.ts';

/**
 * How long a deletion that the API server refuses is tried again before the resource goes without it. Whoever
 * deletes a resource wants it gone; what stays is named in an event.
 */
const DEADLINE_MS = 10 * 60_000;
const BUSY_RETRY_MS = 500;

/** Under `deletionPolicy: Delete`: removes what carries no owner reference, the journal last. */
export async function finalize(
  resource: WhatsAppDeployment,
  stored: KubeObject,
  options: {
    readonly client: KubeClient;
    readonly sources: StackSources;
    readonly recorder: EventRecorder;
    readonly clock: Clock;
    /** The application controller is at it, and may still write: a journal written now would stay for ever. */
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
    const message = `not deleted within ${DEADLINE_MS / 60_000} min, remove by hand: ${left.join(', ')}`;
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
