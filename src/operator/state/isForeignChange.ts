import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import type { CacheChange } from '../../engine/kube/objectCache.ts';
import { ownAnnotations } from '../plan/facts/names.ts';

/** Whether a stack changed only where no controller looks: in annotations of other tools, and in who owns which field. */
export const isForeignChange = ({ type, object, previous, isOwn }: CacheChange<KubeObject>): boolean =>
  type === 'Modified' && !isOwn && previous !== undefined && isDeepStrictEqual(read(object), read(previous));

function read({ metadata, ...rest }: KubeObject) {
  const { resourceVersion: _, managedFields: __, annotations, ...kept } = metadata;
  return { ...rest, metadata: kept, annotations: ownAnnotations(annotations) };
}
