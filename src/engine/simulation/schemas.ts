import type { ResourceKind } from '../kube/kubeObject.ts';
import { kinds, registerKind } from '../kube/kubeObject.ts';
import { NotSimulated } from './notSimulated.ts';

/** How server-side apply merges a list, which its JSON does not show. */
export type Merge = 'atomic' | 'set' | { readonly keys: readonly string[] };

export interface SimulatedKind {
  readonly kind: ResourceKind;
  /** Merge of lists, by their path. */
  readonly lists: Readonly<Record<string, Merge>>;
  /** Merge of every other list; absent: such a list is refused with `NotSimulated`. */
  readonly otherLists?: Merge;
  readonly hasStatus: boolean;
  /** Whether `metadata.generation` counts changes outside metadata and status. */
  readonly counted: boolean;
  /** Whether an update may leave out the resource version. */
  readonly blindUpdates: boolean;
  /** Built-in kinds are stored typed, so an empty map equals a missing one. */
  readonly typed: boolean;
  /** A deletion only marks the object, until its kubelet deletes it again without a grace period. */
  readonly graceful?: boolean;
}

export const METADATA_LISTS: Readonly<Record<string, Merge>> = {
  'metadata.ownerReferences': { keys: ['uid'] },
  'metadata.finalizers': 'set',
};

const builtIn = (kind: ResourceKind): SimulatedKind => ({
  kind,
  lists: METADATA_LISTS,
  hasStatus: false,
  counted: false,
  blindUpdates: true,
  typed: true,
});

const KINDS: SimulatedKind[] = [
  builtIn(kinds.ConfigMap),
  builtIn(kinds.Secret),
  builtIn(kinds.Event),
  builtIn(kinds.Lease),
];

/** Makes the server serve a kind; one that it serves already stays as it is. */
export function serveKind(served: SimulatedKind): void {
  const { apiVersion, plural } = served.kind;
  if (!KINDS.some(({ kind }) => kind.apiVersion === apiVersion && kind.plural === plural)) KINDS.push(served);
}

/**
 * Makes the server serve a custom resource with a status. `lists` gives the merge of each list that is not atomic, by its path,
 * such as `spec.ports: {keys: ['name']}`, as `x-kubernetes-list-type` does in the definition; a real server replaces the others as
 * one, too.
 */
export const serveCustomResource = (kind: ResourceKind, lists: Readonly<Record<string, Merge>> = {}): void =>
  serveKind({
    kind: registerKind(kind),
    lists: { ...METADATA_LISTS, ...lists },
    otherLists: 'atomic',
    hasStatus: true,
    counted: true,
    blindUpdates: false,
    typed: false,
  });

/** @throws NotSimulated for a kind that no test has needed yet */
export function simulatedKind(apiVersion: string, plural: string): SimulatedKind {
  const found = KINDS.find(({ kind }) => kind.apiVersion === apiVersion && kind.plural === plural);
  if (!found) throw new NotSimulated(`kind ${apiVersion}/${plural}`);
  return found;
}
