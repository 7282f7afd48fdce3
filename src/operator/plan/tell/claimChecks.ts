import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { NETWORK, names } from '../facts/names.ts';
import type { Observed } from '../facts/observed.ts';
import { unmet, type Verdict } from './conditions.ts';

/** Components whose pods mount the claims of a stack. */
const holdersOf = (stack: string): Readonly<Record<string, readonly string[]>> => ({
  [names(stack).mediaClaim]: ['webapp', 'master', 'coreapp'],
  [names(stack).databaseClaim]: ['database'],
  [names(stack).gateway]: ['gateway'],
  // Its pod is not among those of a stack.
  [NETWORK.name]: [],
});

/**
 * A claim that somebody deleted goes when its last pod stops. Until then the stack runs, but a pod that is made anew does
 * not start; so a person must hear of it at once. Kubernetes cannot take the deletion back.
 */
export function claimsStay({ resource, children, pods }: Observed): Verdict<'WorkloadsReady'> | undefined {
  const { name: stack, namespace } = resource.metadata;
  for (const [name, components] of Object.entries(holdersOf(stack))) {
    const claim = children.get(`PersistentVolumeClaim/${name}`);
    if (!claim?.metadata.deletionTimestamp) continue;
    const holders = pods.filter(({ component }) => components.includes(component)).map((pod) => pod.name);
    const { volumeName } = (claim as KubeObject & { spec?: { volumeName?: string } }).spec ?? {};
    const keep = volumeName
      ? `To keep its data, run now: kubectl patch pv ${volumeName} -p '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}'. `
      : '';
    return unmet(
      'WorkloadsReady',
      'ClaimTerminating',
      `PersistentVolumeClaim ${namespace}/${name} is being deleted, and Kubernetes cannot take that back. ${
        holders.length > 0
          ? `It stays while these pods use it: ${holders.sort().join(', ')}; a pod that restarts cannot start again`
          : name === NETWORK.name
            ? `It stays while the pod of Deployment ${name} uses it`
            : 'No pod of the stack uses it; what holds it is in its finalizers'
      }. ${keep}Once no pod uses it, the operator makes a new claim`,
    );
  }
  return undefined;
}
