import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { mayRunOn } from '../../../onprem/clientVersion.ts';
import type { Observed, PodView } from '../facts/observed.ts';
import { type Child, childKey } from '../render/child.ts';
import type { ChangePolicy } from './changePolicy.ts';
import { differenceOf } from './difference.ts';
import { slotState } from './slotState.ts';

const isNode = ({ component }: PodView): boolean => ['webapp', 'master', 'coreapp'].includes(component);

/** By default, another minor version of the vendor's stack stops the old one first. */
function strategyOf({ resource, pods }: Observed): 'Rolling' | 'Stop' {
  const { stack, version, upgrade } = resource.spec;
  if (upgrade.strategy) return upgrade.strategy;
  if (stack !== 'OnPremises' || version === undefined) return 'Rolling';
  const isOther = pods
    .filter(isNode)
    .some((pod) => pod.version && !(mayRunOn(pod.version, version) && mayRunOn(version, pod.version)));
  return isOther ? 'Stop' : 'Rolling';
}

/**
 * Whether all nodes must stop before any of them takes its new template: while a pod of an older template is there. The
 * answer depends only on what is observed, so a stop that was interrupted goes on.
 */
export function isStopping(
  observed: Observed,
  nodes: readonly Child[],
  { immediately, forbidden }: ChangePolicy,
): boolean {
  if (strategyOf(observed) !== 'Stop' || forbidden !== undefined) return false;
  return nodes.some((child) => {
    const live = observed.children.get(childKey(child.object));
    const pods = live ? podsOf(observed, live) : [];
    if (!live || pods.length === 0) return false;
    const { is } = differenceOf(child, live);
    if (is === 'inputs' || (is === 'rendering' && immediately)) return true;
    const { replicas } = live.spec as { replicas?: number };
    return replicas === 0 || (live.kind === 'StatefulSet' && slotState(live, pods[0]) === 'Outdated');
  });
}

/** The pods of a node's StatefulSet, or of the Webapps. */
const podsOf = ({ pods }: Observed, { kind, metadata }: KubeObject): PodView[] =>
  pods.filter(({ name, component }) =>
    kind === 'Deployment' ? component === 'webapp' : name === `${metadata.name}-0`,
  );

/** The child with its new template and without pods. */
export const stopped = (child: Child): Child => ({
  ...child,
  object: { ...child.object, spec: { ...(child.object.spec as object), replicas: 0 } },
});
