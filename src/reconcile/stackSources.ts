import type { Source, Sources } from '../controller/sources.ts';
import {
  type KubeObject,
  keyOf,
  kinds,
  objectKey,
  type ResourceKind,
  registerKind,
} from '../kube/kubeObject.ts';
import { labels, MANAGED_SELECTOR, NETWORK } from '../plan/names.ts';
import {
  API_VERSION,
  KIND,
  PLURAL,
  parseWhatsAppDeployment,
  type WhatsAppDeployment,
} from '../resource/whatsAppDeployment.ts';

export const WhatsAppDeploymentKind: ResourceKind = registerKind({
  apiVersion: API_VERSION,
  kind: KIND,
  plural: PLURAL,
  namespaced: true,
});

/** Kinds of children. Each is watched once, by our label. */
const CHILD_KINDS = [
  'Secret',
  'Service',
  'ServiceAccount',
  'PersistentVolumeClaim',
  'StatefulSet',
  'Deployment',
  'Job',
] as const;

export interface StackSources {
  readonly stacks: Source<KubeObject>;
  readonly children: readonly Source<KubeObject>[];
  readonly pods: Source<KubeObject>;
  /** Metadata of every Secret: those that resources refer to are among them. */
  readonly secrets: Source<KubeObject>;
}

const byStack = (object: KubeObject): string[] => {
  const instance = object.metadata.labels?.[labels.instance];
  return instance ? [objectKey(object.metadata.namespace, instance)] : [];
};

export function watchStacks(sources: Sources): StackSources {
  const owned = (kind: ResourceKind) =>
    sources.watch<KubeObject>({ kind, labelSelector: MANAGED_SELECTOR, indexes: { stack: byStack } });
  return {
    stacks: sources.watch<KubeObject>({
      kind: WhatsAppDeploymentKind,
      indexes: {
        number: ({ spec }) => [String((spec as { phoneNumber?: string } | undefined)?.phoneNumber ?? '')],
        namespace: ({ metadata }) => [metadata.namespace ?? ''],
        secret: (object) =>
          referencedSecretNames(object).map((name) => objectKey(object.metadata.namespace, name)),
      },
    }),
    children: CHILD_KINDS.map((kind) => owned(kinds[kind])),
    pods: owned(kinds.Pod),
    secrets: sources.watch<KubeObject>({ kind: kinds.Secret, metadataOnly: true }),
  };
}

/** Names of the Secrets that a resource refers to, wherever in its spec they stand. */
export function referencedSecretNames(holder: object): string[] {
  const { spec } = holder as { readonly spec?: unknown };
  if (typeof spec !== 'object' || spec === null) return [];
  return Object.entries(spec).flatMap(([field, value]) => {
    const name = (value as { name?: unknown } | null)?.name;
    if (/secretRef$/i.test(field) && typeof name === 'string') return [name];
    return referencedSecretNames({ spec: value });
  });
}

/** Calls back with the key of each stack that a change concerns. */
export function onStackChange(sources: StackSources, enqueue: (key: string) => void): void {
  const everyStackIn = (namespace: string | undefined) => {
    for (const stack of sources.stacks.cache.byIndex('namespace', namespace ?? '')) enqueue(keyOf(stack));
  };
  sources.stacks.onChange(({ object, previous }) => {
    enqueue(keyOf(object));
    // Others with the number, now or before, and those that share the network process.
    if (previous && previous.metadata.generation === object.metadata.generation) return;
    for (const { spec } of [object, previous].filter((version) => version !== undefined)) {
      const number = String((spec as { phoneNumber?: string } | undefined)?.phoneNumber ?? '');
      for (const other of sources.stacks.cache.byIndex('number', number)) enqueue(keyOf(other));
    }
    everyStackIn(object.metadata.namespace);
  });
  for (const source of [...sources.children, sources.pods]) {
    source.onChange(({ object }) => {
      if (object.metadata.labels?.[labels.instance] === NETWORK.name) everyStackIn(object.metadata.namespace);
      else for (const key of byStack(object)) enqueue(key);
    });
  }
  sources.secrets.onChange(({ object }) => {
    for (const stack of sources.stacks.cache.byIndex('secret', keyOf(object))) enqueue(keyOf(stack));
  });
}

/** Stacks that parse; one that does not concerns nobody else. */
export const parsedStacks = (objects: readonly KubeObject[]): WhatsAppDeployment[] =>
  objects.flatMap((object) => {
    const parsed = parseWhatsAppDeployment(object);
    return parsed.ok ? [parsed.resource] : [];
  });
