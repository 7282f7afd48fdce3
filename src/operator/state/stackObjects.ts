import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import type { PodView } from '../plan/facts/observed.ts';
import { childKey } from '../plan/render/child.ts';
import type { PodObject } from './podObject.ts';
import { podView } from './podView.ts';
import type { StackSources } from './stackSources.ts';

/** The objects of one stack as the caches hold them, by `Kind/name`, and its pods. */
export interface StackObjects {
  readonly children: ReadonlyMap<string, KubeObject>;
  readonly pods: readonly PodView[];
}

/** @param key of the stack, `namespace/name` */
export function stackObjects(
  key: string,
  { children, pods }: Pick<StackSources, 'children' | 'pods'>,
): StackObjects {
  const objects = children.flatMap(({ cache }) => cache.byIndex('stack', key));
  return {
    children: new Map(objects.map((object) => [childKey(object), object])),
    pods: pods.cache.byIndex('stack', key).map((pod) => podView(pod as PodObject)),
  };
}
