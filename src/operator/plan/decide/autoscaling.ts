import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { names } from '../facts/names.ts';
import type { Observed } from '../facts/observed.ts';
import { isLeftToAutoscaler, leftToAutoscaler } from '../render/autoscaler.ts';
import { type Child, childKey } from '../render/child.ts';
import type { StackPods } from '../render/nodeInputs.ts';
import { webapps } from '../render/webapps.ts';
import { replicasOf } from './childChange.ts';

/**
 * The Webapps, with or without a number of their own. An autoscaler never wakes a Deployment without pods, so the operator
 * declares the least number for a start. An autoscaler that is not declared any more decides until it is gone: before that,
 * it would change the number of spec again.
 */
export function webappsOf(observed: Pick<Observed, 'resource' | 'children'>, pods: StackPods): Child {
  const { resource, children } = observed;
  const child = webapps(pods);
  const live = children.get(childKey(child.object));
  const { autoscaler } = names(resource.metadata.name);
  const isScaled =
    resource.spec.nodes?.webapp?.autoscaling !== undefined ||
    children.has(`HorizontalPodAutoscaler/${autoscaler}`);
  return isScaled && live && replicasOf(live) > 0 ? leftToAutoscaler(child) : child;
}

/**
 * Live Deployments that are about to be applied without the number that they declare until now. A server-side apply that
 * leaves out a field which nobody else owns removes it, and the API server sets it to its default, 1.
 */
export const handedOver = ({ children }: Pick<Observed, 'children'>, apply: readonly Child[]): KubeObject[] =>
  apply.flatMap(({ object }) => {
    const live = children.get(childKey(object));
    const isNews = live && !isLeftToAutoscaler(live) && isLeftToAutoscaler(object);
    return isNews && (object.spec as { replicas?: number }).replicas === undefined ? [live] : [];
  });
