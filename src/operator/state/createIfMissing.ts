import { isAlreadyExists } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import type { ObjectCache } from '../../engine/kube/objectCache.ts';
import { FIELD_MANAGER } from '../plan/facts/names.ts';

/** @returns false if it is there: a pass before this one made it, and the watch has not shown it yet */
export async function createIfMissing(
  object: KubeObject,
  {
    client,
    cache,
  }: {
    readonly client: KubeClient;
    readonly cache: Pick<ObjectCache<KubeObject>, 'observeWrite'> | undefined;
  },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const made = await client.create<KubeObject>(object, { fieldManager: FIELD_MANAGER }, signal);
    cache?.observeWrite(made);
    return true;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return false;
  }
}
