import type { KubeObject, ResourceKind } from '../../src/engine/kube/kubeObject.ts';
import { kinds, registerKind } from '../../src/engine/kube/kubeObject.ts';
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

/** A custom resource for tests of the engine; its definition is `WIDGET_DEFINITION`. */
export const WidgetKind: ResourceKind = registerKind({
  apiVersion: 'test.example.org/v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
});

export const WIDGET_DEFINITION: KubeObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.test.example.org' },
  spec: {
    group: 'test.example.org',
    names: { kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  size: { type: 'integer' },
                  colour: { type: 'string' },
                  tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'atomic' },
                  parts: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['name'],
                    items: {
                      type: 'object',
                      required: ['name'],
                      properties: { name: { type: 'string' }, count: { type: 'integer' } },
                    },
                  },
                },
              },
              status: { type: 'object', properties: { phase: { type: 'string' } } },
            },
          },
        },
      },
    ],
  },
};

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
  {
    kind: WidgetKind,
    lists: { ...METADATA_LISTS, 'spec.tags': 'atomic', 'spec.parts': { keys: ['name'] } },
    hasStatus: true,
    counted: true,
    blindUpdates: false,
    typed: false,
  },
];

/** Makes the server serve a kind; one that it serves already stays as it is. */
export function serveKind(served: SimulatedKind): void {
  const { apiVersion, plural } = served.kind;
  if (!KINDS.some(({ kind }) => kind.apiVersion === apiVersion && kind.plural === plural)) KINDS.push(served);
}

/** @throws NotSimulated for a kind that no test has needed yet */
export function simulatedKind(apiVersion: string, plural: string): SimulatedKind {
  const found = KINDS.find(({ kind }) => kind.apiVersion === apiVersion && kind.plural === plural);
  if (!found) throw new NotSimulated(`kind ${apiVersion}/${plural}`);
  return found;
}
