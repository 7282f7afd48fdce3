import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { mayRunOn } from '../../../onprem/clientVersion.ts';
import { isNode, podOfSet } from '../facts/names.ts';
import type { Observed, PodView } from '../facts/observed.ts';
import type { Child } from '../render/child.ts';
import type { ChangePolicy } from './changePolicy.ts';
import { judgeWith, replicasOf } from './childChange.ts';
import { slotState } from './slotState.ts';

/** The strategy of spec; by default, another minor version of the vendor's stack stops the old one first. */
function strategyOf({ resource, pods }: Observed): 'Rolling' | 'Stop' {
  const { stack, version, upgrade } = resource.spec;
  if (upgrade.strategy) return upgrade.strategy;
  if (stack !== 'OnPremises' || version === undefined) return 'Rolling';
  const isOther = pods
    .filter(({ component }) => isNode(component))
    .some((pod) => pod.version && !(mayRunOn(pod.version, version) && mayRunOn(version, pod.version)));
  return isOther ? 'Stop' : 'Rolling';
}

/**
 * Whether all nodes must stop before any of them takes its new template: while a pod of an older template is there. The
 * answer depends only on what is observed, so a stop that was interrupted goes on.
 */
export function isStopping(observed: Observed, nodes: readonly Child[], policy: ChangePolicy): boolean {
  if (strategyOf(observed) !== 'Stop' || policy.forbidden !== undefined) return false;
  const judge = judgeWith(observed);
  return nodes.some((child) => {
    const { live, wants } = judge(child, policy);
    const pods = live ? podsOf(observed, live) : [];
    if (!live || pods.length === 0) return false;
    return (
      wants ||
      replicasOf(live) === 0 ||
      (live.kind === 'StatefulSet' && slotState(live, pods[0]) === 'Outdated')
    );
  });
}

/** The pods of a node's StatefulSet, or of the Webapps. */
const podsOf = ({ pods }: Observed, { kind, metadata }: KubeObject): PodView[] =>
  pods.filter(({ name, component }) =>
    kind === 'Deployment' ? component === 'webapp' : name === podOfSet(metadata.name),
  );

/** The child with its new template and without pods. */
export const stopped = (child: Child): Child => ({
  ...child,
  object: { ...child.object, spec: { ...(child.object.spec as object), replicas: 0 } },
});
