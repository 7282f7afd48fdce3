import { METADATA_LISTS, type SimulatedKind, serveKind } from '../../../src/engine/simulation/schemas.ts';
import { kinds, type ResourceKind } from '../kube/kubeObject.ts';

/** One manager writes the spec of each of these objects, so the merge of its lists does not show. */
const workload = (kind: ResourceKind, more: Partial<SimulatedKind> = {}): SimulatedKind => ({
  kind,
  lists: METADATA_LISTS,
  otherLists: 'atomic',
  hasStatus: true,
  counted: true,
  blindUpdates: true,
  typed: true,
  ...more,
});

/** Makes the simulated server serve pods, their controllers, and what stands around them. */
export function serveWorkloads(): void {
  for (const kind of [kinds.StatefulSet, kinds.Deployment, kinds.Job]) serveKind(workload(kind));
  serveKind(workload(kinds.Pod, { counted: false, graceful: true }));
  for (const kind of [
    kinds.Service,
    kinds.ServiceAccount,
    kinds.PersistentVolumeClaim,
    kinds.PodDisruptionBudget,
    kinds.NetworkPolicy,
  ])
    serveKind(workload(kind, { hasStatus: false, counted: false }));
}
