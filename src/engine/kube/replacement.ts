import { ApiError, isAlreadyExists, isConflict, isInvalid, isNotFound } from './apiError.ts';
import type { KubeClient } from './client.ts';
import { joinedOwnership, type ManagedFields } from './fieldOwners.ts';
import { type KubeObject, kindOf } from './kubeObject.ts';
import { type Foreign, withForeign } from './withForeign.ts';

export interface ReplacementOptions {
  readonly client: KubeClient;
  readonly fieldManager: string;
}

export interface ReplaceRequest {
  readonly desired: KubeObject;
  readonly controlled: (live: KubeObject) => boolean;
  /** Whether the object may be deleted and made again, if it cannot be changed into what we want. */
  readonly mayRecreate: boolean;
}

/** What happened to an object that an apply could not mend. */
export type Replaced =
  | { readonly how: 'replaced'; readonly object: KubeObject }
  /** It is going; once it is gone, an apply makes it again. */
  | { readonly how: 'deleted'; readonly object: KubeObject };

/**
 * Whether another state of the object would let this apply through. Besides fields that exclude ours, two entries of one
 * list may have the same key, which the API server stores and cannot apply to.
 */
export const isUnmendable = (error: unknown): boolean =>
  isInvalid(error) ||
  (error instanceof ApiError &&
    error.status >= 500 &&
    /duplicate entries for key|failed to create typed/.test(error.message));

/**
 * Replaces an object that an apply cannot mend: a changed port number leaves two ports of one name, and a changed source
 * of a volume two sources. `refusal` is what the API server said to the apply.
 *
 * @throws `refusal` if nothing helps, or the refusal of the manifest itself
 */
export async function replace(
  request: ReplaceRequest,
  refusal: unknown,
  { client, fieldManager }: ReplacementOptions,
  signal: AbortSignal,
): Promise<Replaced> {
  const { desired, controlled, mayRecreate } = request;
  const { namespace, name } = desired.metadata;
  const kind = kindOf(desired);
  await requireValid(desired, refusal, { client, fieldManager }, signal);
  const live = await client.get<KubeObject>(kind, namespace, name, signal);
  if (!controlled(live) || live.metadata.deletionTimestamp) throw refusal;
  for (const keep of ['fields', 'entries'] satisfies Foreign[]) {
    try {
      const wanted = withForeign(desired, live, keep);
      const object = await client.update<KubeObject>(wanted, { fieldManager }, signal);
      return {
        how: 'replaced',
        object: await ownAsApplied(object, desired, { client, fieldManager }, signal),
      };
    } catch (error) {
      if (!isInvalid(error)) throw error;
    }
  }
  if (!mayRecreate) throw refusal;
  const { uid, resourceVersion } = live.metadata;
  // Only this version: one that changed meanwhile may be mendable. Its pods go before it, so that none outlives it.
  const options = { uid, resourceVersion, propagation: 'Foreground' } as const;
  const going = await client.delete(kind, namespace, name, options, signal);
  return { how: 'deleted', object: going ?? live };
}

/** Throws if the API server would not even create the object: nothing that is there is at fault then. */
async function requireValid(
  desired: KubeObject,
  refusal: unknown,
  { client, fieldManager }: ReplacementOptions,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.create(desired, { fieldManager, dryRun: true }, signal);
  } catch (error) {
    // The API server validates before it looks for an object of that name.
    if (isAlreadyExists(error)) return;
    throw isInvalid(error) ? error : refusal;
  }
}

async function ownAsApplied(
  object: KubeObject,
  desired: KubeObject,
  { client, fieldManager }: ReplacementOptions,
  signal: AbortSignal,
): Promise<KubeObject> {
  const { managedFields = [], namespace, name, resourceVersion } = object.metadata;
  const joined = joinedOwnership(managedFields as readonly ManagedFields[], fieldManager, desired);
  if (!joined) return object;
  const patch = { metadata: { managedFields: joined, resourceVersion } };
  return client
    .mergePatch<KubeObject>(kindOf(object), { namespace, name }, patch, signal)
    .catch((error: unknown) => {
      // Somebody was faster. Only a field that leaves the manifest later would notice.
      if (isConflict(error) || isNotFound(error)) return object;
      throw error;
    });
}
