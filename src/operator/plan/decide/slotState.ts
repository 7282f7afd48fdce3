import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { PodView } from '../facts/observed.ts';

/**
 * The state of a StatefulSet with one replica. Unobserved: its controller has not seen the last change, so the revision
 * of the pod says nothing. Outdated: the pod runs an older template. Current: the pod runs the template and is ready.
 */
export type SlotState = 'Unobserved' | 'Terminating' | 'Absent' | 'Starting' | 'Outdated' | 'Current';

interface SetStatus {
  readonly observedGeneration?: number;
  readonly updateRevision?: string;
}

export function slotState(set: KubeObject, pod: PodView | undefined): SlotState {
  const status = (set.status ?? {}) as SetStatus;
  if (set.metadata.deletionTimestamp || pod?.terminating) return 'Terminating';
  if ((set.metadata.generation ?? 0) > (status.observedGeneration ?? -1)) return 'Unobserved';
  if (!pod) return 'Absent';
  if (pod.revision !== status.updateRevision) return 'Outdated';
  return pod.ready ? 'Current' : 'Starting';
}

interface DeploymentStatus {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly availableReplicas?: number;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

/** Whether a Deployment has a pod that is available. */
export const hasAvailablePod = ({ status }: KubeObject): boolean =>
  (((status ?? {}) as DeploymentStatus).availableReplicas ?? 0) > 0;

/**
 * Whether all pods of a Deployment run its template and are available, and no others are left. With `least`, an autoscaler
 * decides how many there are: then so many must be available, and a pod that comes or goes for the load is no change.
 */
export function isSettled({ metadata, spec, status }: KubeObject, least?: number): boolean {
  const { replicas: wanted = 1 } = (spec ?? {}) as { replicas?: number };
  const { replicas = 0, updatedReplicas = 0, ...now } = (status ?? {}) as DeploymentStatus;
  const { availableReplicas: available = 0 } = now;
  const isFull =
    least === undefined
      ? [replicas, updatedReplicas, available].every((count) => count === wanted)
      : replicas === updatedReplicas && available >= Math.min(least, wanted);
  return (
    isFull &&
    (metadata.generation ?? 0) <= (now.observedGeneration ?? -1) &&
    !now.conditions?.some(({ type, status: is }) => type === 'ReplicaFailure' && is === 'True')
  );
}
