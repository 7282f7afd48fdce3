import { ApiError, isConflict } from '../../src/engine/kube/apiError.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import type { ManagedFields } from '../../src/engine/kube/fieldOwners.ts';
import { type KubeObject, kindOf, resourcePath } from '../../src/engine/kube/kubeObject.ts';
import { never } from './cluster.ts';
import type { CountedOperator } from './countedOperator.ts';
import { eventually } from './eventually.ts';
import { type Edit, mergePatchOf, ownedValues, sorted } from './handEdits.ts';

/** The entry of the operator's own apply in `managedFields`. */
export const isOurs = ({ manager, operation, subresource }: ManagedFields): boolean =>
  manager === 'waba-operator' && operation === 'Apply' && !subresource;

/** The values of the operator's fields, by the API server's own record of them in `as`. */
function owned(object: KubeObject, as: KubeObject = object): string {
  const entries = (as.metadata.managedFields ?? []) as readonly ManagedFields[];
  return sorted(ownedValues(entries.find(isOurs)?.fieldsV1, object));
}

type Write = (client: KubeClient, before: KubeObject, after: KubeObject) => Promise<KubeObject>;

/** Ways in which a person writes an edited object. */
export const WAYS = {
  'merge patch': (client, before, after) => {
    const { namespace, name } = before.metadata;
    return client.mergePatch<KubeObject>(
      kindOf(before),
      { namespace, name },
      mergePatchOf(before, after),
      never,
    );
  },
  replace: (client, _, after) => client.update<KubeObject>(after, { fieldManager: 'kubectl-replace' }, never),
  apply: (client, _, { status: __, ...after }) => {
    const { managedFields: ___, resourceVersion: ____, ...metadata } = after.metadata;
    const object = { ...after, metadata } as KubeObject;
    return client.apply<KubeObject>(object, { fieldManager: 'rival', force: true }, never);
  },
} satisfies Record<string, Write>;
export type Way = keyof typeof WAYS;

const read = <T extends KubeObject>(client: KubeClient, { metadata, ...object }: KubeObject): Promise<T> =>
  client.get<T>(kindOf(object as KubeObject), metadata.namespace, metadata.name, never);

/**
 * Writes an edit of an object. @returns the object before it; undefined if the API server refuses the edit, or it changes
 * nothing
 */
export async function makeEdit(
  client: KubeClient,
  object: KubeObject,
  { apply }: Edit,
  way: Way,
): Promise<KubeObject | undefined> {
  let before = object;
  const made = await eventually(async () => {
    before = await read(client, object);
    // Controllers write the status meanwhile.
    return WAYS[way](client, before, apply(before)).catch((error: unknown) => {
      if (isConflict(error)) return undefined;
      return error instanceof ApiError ? 'refused' : Promise.reject(error);
    });
  });
  const isMade = made !== 'refused' && made.metadata.resourceVersion !== before.metadata.resourceVersion;
  return isMade ? before : undefined;
}

/** Successful writes to an object. */
export const writesTo = (object: KubeObject, { writes }: CountedOperator, since: number) => {
  const path = resourcePath(kindOf(object), object.metadata.namespace, object.metadata.name);
  return writes.slice(since).filter((write) => write.path === path && !write.isRefused);
};

/** What two texts have where they begin to differ. */
function firstDifference(wanted: string, found: string): string {
  const at = [...wanted].findIndex((character, index) => character !== found[index]);
  const [from, to] = [Math.max(0, at - 60), at + 120];
  return `wanted …${wanted.slice(from, to)}…, found …${found.slice(from, to)}…`;
}

/**
 * Makes an edit, and waits until the operator has undone it.
 * @returns with how many writes; undefined if there was nothing to undo
 */
export async function undone(
  client: KubeClient,
  operator: CountedOperator,
  object: KubeObject,
  edit: Edit,
  way: Way,
): Promise<number | undefined> {
  const since = operator.writes.length;
  const before = await makeEdit(client, object, edit, way);
  if (!before) return undefined;
  const wanted = owned(before);
  let now = '';
  await eventually(async () => {
    const found = await read(client, object);
    now = owned(found, before);
    // The operator may have been in the middle of two writes when the edit was made.
    return now === wanted || owned(found, object) === owned(object);
  }, 60_000).catch((cause: unknown) => {
    throw new Error(`not undone: ${firstDifference(wanted, now)}`, { cause });
  });
  return writesTo(before, operator, since).length;
}
