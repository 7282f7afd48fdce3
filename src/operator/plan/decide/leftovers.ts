import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { names, slotRole } from '../facts/names.ts';
import { type Observed, ownedBy } from '../facts/observed.ts';
import { type Child, childKey } from '../render/child.ts';

/** Kinds whose objects are deleted when the resource no longer declares them. Data and Secrets are kept. */
const PRUNED_KINDS = [
  'Service',
  'PodDisruptionBudget',
  'NetworkPolicy',
  'StatefulSet',
  'Certificate',
  'PodMonitor',
  // Routes first: without their policy, a Gateway would send requests in the clear.
  'HTTPRoute',
  'TLSRoute',
  'Ingress',
  'BackendTLSPolicy',
  'ConfigMap',
  'HorizontalPodAutoscaler',
];

/**
 * Objects of the stack that its resource no longer declares. Node slots and Jobs have rules of their own. While pods roll,
 * some still use the database that the stack leaves.
 */
export function leftovers(observed: Observed, declared: readonly Child[], isRolling: boolean): KubeObject[] {
  const keys = new Set(declared.map(({ object }) => childKey(object)));
  const { uid, name } = observed.resource.metadata;
  return PRUNED_KINDS.flatMap((kind) => ownedBy(observed, kind)).filter(
    (object) =>
      !keys.has(childKey(object)) &&
      !(isRolling && object.metadata.name === names(name).database) &&
      !(object.kind === 'StatefulSet' && slotRole(name, object.metadata.name)) &&
      object.metadata.ownerReferences?.some((owner) => owner.uid === uid),
  );
}
