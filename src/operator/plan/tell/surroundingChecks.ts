import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { labels, MANAGED_BY, names, podOfSet, selectorLabels } from '../facts/names.ts';
import { type Observed, ownedBy } from '../facts/observed.ts';
import { met, type Verdict } from './conditions.ts';

/** Checks of what surrounds pods that run: who else could say that it is not as it should be? */

type Workload = KubeObject & {
  readonly status?: { readonly readyReplicas?: number; readonly availableReplicas?: number };
};

/**
 * Pods that their StatefulSet or Deployment counts and the operator does not see: they lost its label, and with it the
 * traffic of their Service. A sentence part with the command; undefined if there are none.
 */
export function hiddenPods(observed: Observed): string | undefined {
  const { resource, pods } = observed;
  const { name, namespace } = resource.metadata;
  const hidden = [...ownedBy(observed, 'StatefulSet'), ...ownedBy(observed, 'Deployment')].find((object) => {
    const { kind, metadata, status } = object as Workload;
    const component = metadata.labels?.[labels.component];
    const seen = pods.filter((pod) =>
      kind === 'StatefulSet' ? pod.name === podOfSet(metadata.name) : pod.component === component,
    );
    return (status?.readyReplicas ?? status?.availableReplicas ?? 0) > seen.length;
  });
  const component = hidden?.metadata.labels?.[labels.component];
  if (!hidden || !component) return undefined;
  const selector = Object.entries(selectorLabels(name, component as Parameters<typeof selectorLabels>[1]))
    .map((pair) => pair.join('='))
    .join(',');
  const [label] = Object.entries(MANAGED_BY).map((pair) => pair.join('='));
  return `${hidden.kind} ${hidden.metadata.name} has a pod without the label ${label}, so no Service sends it requests; run: kubectl -n ${namespace} label pod -l ${selector} --overwrite ${label}`;
}

type ServiceObject = KubeObject & {
  readonly spec?: { readonly type?: string };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly unknown[] } };
};

/** A load balancer that the cluster has not made yet. The stack works, but nobody outside the cluster reaches it. */
export function loadBalancerIsThere({ resource, children }: Observed): Verdict<'WorkloadsReady'> | undefined {
  const { name, namespace } = resource.metadata;
  const { webapp } = names(name);
  const service = children.get(`Service/${webapp}`) as ServiceObject | undefined;
  if (service?.spec?.type !== 'LoadBalancer' || service.status?.loadBalancer?.ingress?.length)
    return undefined;
  return met(
    'WorkloadsReady',
    'LoadBalancerPending',
    `all pods are ready; the cluster has given Service ${webapp} no external address yet: kubectl -n ${namespace} describe service ${webapp}`,
  );
}
