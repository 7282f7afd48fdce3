import type { Source, Sources } from '../../engine/controller/sources.ts';
import {
  type KubeObject,
  keyOf,
  kinds,
  objectKey,
  type ResourceKind,
  registerKind,
} from '../../engine/kube/kubeObject.ts';
import type { CacheChange } from '../../engine/kube/objectCache.ts';
import { BACKUP_LABEL } from '../plan/facts/backups.ts';
import { type ClusterView, clusterChoice, publishedLogin } from '../plan/facts/databaseCluster.ts';
import { labels, MANAGED_SELECTOR, NETWORK, names } from '../plan/facts/names.ts';
import { podSecretNames } from '../plan/facts/podSecrets.ts';
import { RESTORE_LABEL } from '../plan/facts/restore.ts';
import { databaseKey, databaseSecretKeys } from '../plan/facts/stackSettings.ts';
import { CLUSTER_FIELDS, type ClusterField, databaseClusters } from '../resource/databaseClusters.ts';
import {
  BACKUP_KIND,
  BACKUP_PLURAL,
  parseWhatsAppBackup,
  type WhatsAppBackup,
} from '../resource/whatsAppBackup.ts';
import {
  API_VERSION,
  KIND,
  PLURAL,
  parseWhatsAppDeployment,
  type WhatsAppDeployment,
} from '../resource/whatsAppDeployment.ts';
import { FLEET_KIND, FLEET_PLURAL } from '../resource/whatsAppFleet.ts';
import { isForeignChange } from './isForeignChange.ts';

export const WhatsAppDeploymentKind: ResourceKind = registerKind({
  apiVersion: API_VERSION,
  kind: KIND,
  plural: PLURAL,
  namespaced: true,
});

export const WhatsAppBackupKind: ResourceKind = registerKind({
  apiVersion: API_VERSION,
  kind: BACKUP_KIND,
  plural: BACKUP_PLURAL,
  namespaced: true,
});

export const WhatsAppFleetKind: ResourceKind = registerKind({
  apiVersion: API_VERSION,
  kind: FLEET_KIND,
  plural: FLEET_PLURAL,
  namespaced: true,
});

/** Kinds of children. Each has one watch, with the label of the operator. */
export const CHILD_KINDS = [
  'Secret',
  'Service',
  'ServiceAccount',
  'PersistentVolumeClaim',
  'StatefulSet',
  'Deployment',
  'Job',
  'PodDisruptionBudget',
  'NetworkPolicy',
] as const;

/** The Gateway API, in the versions of its standard channel. */
const gatewayKind = (kind: string, plural: string): ResourceKind => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind,
  plural,
  namespaced: true,
});

/** Kinds of children that the cluster may not serve, or that an older installation may not let the operator read. */
export const OPTIONAL_KINDS: readonly ResourceKind[] = [
  { apiVersion: 'cert-manager.io/v1', kind: 'Certificate', plural: 'certificates', namespaced: true },
  { apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor', plural: 'podmonitors', namespaced: true },
  gatewayKind('HTTPRoute', 'httproutes'),
  gatewayKind('TLSRoute', 'tlsroutes'),
  gatewayKind('BackendTLSPolicy', 'backendtlspolicies'),
  kinds.Ingress,
  kinds.ConfigMap,
  kinds.HorizontalPodAutoscaler,
].map(registerKind);

const clusterKind = (field: ClusterField, kind: string): ResourceKind =>
  registerKind({
    apiVersion: databaseClusters[field].apiVersion,
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced: true,
  });

/** Kinds of database clusters that other operators run, by the field of `spec.database`. */
export const CLUSTER_KINDS = Object.fromEntries(
  CLUSTER_FIELDS.map((field) => [field, clusterKind(field, databaseClusters[field].kind)]),
) as Readonly<Record<ClusterField, ResourceKind>>;

const companionsOf = (field: ClusterField): ResourceKind[] =>
  databaseClusters[field].companions.map((kind) => clusterKind(field, kind));
/** Kinds of which a created cluster has an object each. */
export const COMPANION_KINDS: Readonly<Record<ClusterField, readonly ResourceKind[]>> = {
  cloudNativePG: companionsOf('cloudNativePG'),
  mysqlOperator: companionsOf('mysqlOperator'),
  mariadbOperator: companionsOf('mariadbOperator'),
};

/** Kinds of children that a Kubernetes cluster may lack. */
export const ABSENTABLE_KINDS: readonly ResourceKind[] = [
  ...OPTIONAL_KINDS,
  ...Object.values(CLUSTER_KINDS),
  ...Object.values(COMPANION_KINDS).flat(),
];

/** The operator may read them in enabled namespaces only. */
const FOLLOWED: readonly ResourceKind[] = [kinds.Secret, kinds.ConfigMap];

export interface StackSources {
  readonly stacks: Source<KubeObject>;
  readonly backups: Source<KubeObject>;
  readonly fleets: Source<KubeObject>;
  readonly children: readonly Source<KubeObject>[];
  readonly pods: Source<KubeObject>;
  /** At least the metadata of the pods of all stacks, also of those on which other replicas work. */
  readonly everyPod: Source<KubeObject>;
  /** The database clusters of other operators, ours among them; only of those that the installation may look at. */
  readonly clusters: Partial<Readonly<Record<ClusterField, Source<KubeObject>>>>;
  /** The Secrets among the children. */
  readonly secretsOfStacks: Source<KubeObject>;
  /** Metadata of all Secrets, also of those that resources refer to. */
  readonly secrets: Source<KubeObject>;
}

/** By label, and by controller, because anybody can edit a label. */
const byStack = ({ metadata }: KubeObject): string[] => {
  const { labels: marks, ownerReferences = [], namespace } = metadata;
  const controller = ownerReferences.find((owner) => owner.controller && owner.kind === KIND)?.name;
  const stacks = [marks?.[labels.instance], controller].filter((name) => name !== undefined);
  return [...new Set(stacks)].map((name) => objectKey(namespace, name));
};

/** The Jobs and pods of a backup. */
const byBackup = ({ metadata: { labels: marks, namespace } }: KubeObject): string[] => {
  const backup = marks?.[BACKUP_LABEL];
  return backup === undefined ? [] : [objectKey(namespace, backup)];
};

/** The Jobs and pods of a restore. */
const byRestore = ({ metadata: { labels: marks, namespace } }: KubeObject): string[] => {
  const stack = marks?.[RESTORE_LABEL];
  return stack === undefined ? [] : [objectKey(namespace, stack)];
};

const byNamespace = ({ metadata }: KubeObject): string[] => [metadata.namespace ?? ''];

/** The key of the stack that a backup is of, also if the stack does not exist. */
export const deploymentOf = ({ spec, metadata }: KubeObject): string =>
  objectKey(metadata.namespace, String((spec as { deployment?: string } | undefined)?.deployment ?? ''));

export function watchStacks(sources: Sources, databaseOperators: readonly ClusterField[] = []): StackSources {
  const owned = (kind: ResourceKind) =>
    sources.watch<KubeObject>({
      kind,
      labelSelector: MANAGED_SELECTOR,
      indexes: { stack: byStack, backup: byBackup, restore: byRestore },
      followed: FOLLOWED.includes(kind),
      optional: ABSENTABLE_KINDS.includes(kind),
    });
  // Without the label of the operator: stacks also use clusters that somebody else made.
  const clusters = Object.fromEntries(
    databaseOperators.map((field) => [
      field,
      sources.watch<KubeObject>({ kind: CLUSTER_KINDS[field], indexes: { stack: byStack }, optional: true }),
    ]),
  ) as StackSources['clusters'];
  const pods = owned(kinds.Pod);
  // Two stacks with one number must know of one another, wherever they are.
  const everyPod = sources.isDivided
    ? sources.watch<KubeObject>({
        kind: kinds.Pod,
        labelSelector: MANAGED_SELECTOR,
        indexes: { stack: byStack },
        metadataOnly: true,
        everyShard: true,
      })
    : pods;
  return {
    clusters,
    stacks: sources.watch<KubeObject>({
      kind: WhatsAppDeploymentKind,
      everyShard: true,
      indexes: {
        number: ({ spec }) => [String((spec as { phoneNumber?: string } | undefined)?.phoneNumber ?? '')],
        database: (object) => [databaseKey(object) ?? []].flat(),
        namespace: byNamespace,
        cluster: (object) => [clusterKey(object) ?? []].flat(),
        clusterUser: (object) => (clusterChoice(object) ? byNamespace(object) : []),
        secret: (object) =>
          [...referencedSecretNames(object), ...podSecretNames(object.spec)].map((name) =>
            objectKey(object.metadata.namespace, name),
          ),
      },
    }),
    backups: sources.watch<KubeObject>({
      kind: WhatsAppBackupKind,
      indexes: { deployment: (object) => [deploymentOf(object)], namespace: byNamespace },
      // An installation whose CustomResourceDefinitions are older runs its stacks without backups.
      optional: true,
    }),
    // Likewise.
    fleets: sources.watch<KubeObject>({
      kind: WhatsAppFleetKind,
      everyShard: true,
      indexes: { namespace: byNamespace },
      optional: true,
    }),
    secretsOfStacks: owned(kinds.Secret),
    children: [
      ...[...CHILD_KINDS.map((kind) => kinds[kind]), ...OPTIONAL_KINDS].map(owned),
      ...Object.values(clusters),
      ...databaseOperators.flatMap((field) => COMPANION_KINDS[field]).map(owned),
    ],
    pods,
    everyPod,
    secrets: sources.watch<KubeObject>({ kind: kinds.Secret, metadataOnly: true, followed: true }),
  };
}

/** `Cluster/shop/orders-db`: the cluster that a stored resource uses. */
function clusterKey(stored: KubeObject): string | undefined {
  const choice = clusterChoice(stored);
  return choice && `${choice.kind}/${objectKey(stored.metadata.namespace, choice.name)}`;
}

/** What the caches hold about the database cluster of a stack; undefined for a stack without. */
export function clusterView(
  resource: WhatsAppDeployment,
  { clusters }: StackSources,
): ClusterView | undefined {
  const choice = clusterChoice(resource);
  if (!choice) return undefined;
  const source = clusters[choice.field];
  const { namespace } = resource.metadata;
  if (!source) return { access: 'Off', object: undefined };
  if (source.isAbsent(namespace)) return { access: 'Absent', object: undefined };
  return { access: 'Served', object: source.cache.get(objectKey(namespace, choice.name)) };
}

/** The resource with what its cluster publishes. */
export function withPublished(
  resource: WhatsAppDeployment,
  view: ClusterView | undefined,
): WhatsAppDeployment {
  const choice = view?.object && clusterChoice(resource);
  return choice ? { ...resource, published: publishedLogin(choice, view.object) } : resource;
}

/** Names of all Secrets that a spec refers to, of the one that cert-manager writes, and of those of a cluster. */
export function referencedSecretNames(holder: object): string[] {
  const { spec, metadata } = holder as {
    readonly spec?: { readonly tls?: { readonly issuerRef?: unknown } };
    readonly metadata?: { readonly name: string };
  };
  const issued = spec?.tls?.issuerRef && metadata ? [names(metadata.name).tlsSecret] : [];
  return [...secretNamesIn(spec), ...issued, ...clusterSecretNames(holder)];
}

function clusterSecretNames(holder: object): string[] {
  const stored = holder as WhatsAppDeployment;
  if (!stored.metadata || !clusterChoice(stored)) return [];
  return databaseSecretKeys(stored).map(({ name }) => name);
}

function secretNamesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([field, inner]) => {
    const name = (inner as { name?: unknown } | null)?.name;
    return /secretRef$/i.test(field) && typeof name === 'string' ? [name] : secretNamesIn(inner);
  });
}

/** Calls back with the key of each stack that a change concerns, and what changed. */
export function onStackChange(
  sources: StackSources,
  rivals: { waitingFor(key: string): readonly string[] },
  enqueue: (key: string, reason: string) => void,
): void {
  const everyStackIn = (namespace: string | undefined, reason: string) => {
    for (const stack of sources.stacks.cache.byIndex('namespace', namespace ?? ''))
      enqueue(keyOf(stack), reason);
  };
  sources.stacks.onChange((change) => {
    if (isForeignChange(change)) return;
    const { object, previous } = change;
    const reason = describeChange(change);
    enqueue(keyOf(object), reason);
    const versions = [object, previous].filter((version) => version !== undefined);
    const { cache } = sources.stacks;
    // Those with the new or the old databases also look at the status.
    for (const database of versions.flatMap((version) => databaseKey(version) ?? []))
      for (const other of cache.byIndex('database', database)) enqueue(keyOf(other), reason);
    // Also stacks with the new or the old number, and stacks that share the network process.
    // A deletion changes no generation: the cache knows only the last state.
    const isSame = previous?.metadata.generation === object.metadata.generation;
    if (change.type === 'Modified' && isSame) return;
    for (const { spec } of versions) {
      const number = String((spec as { phoneNumber?: string } | undefined)?.phoneNumber ?? '');
      for (const other of cache.byIndex('number', number)) enqueue(keyOf(other), reason);
    }
    everyStackIn(object.metadata.namespace, reason);
  });
  for (const source of [...sources.children, sources.pods]) {
    source.onChange((change) => {
      const { metadata } = change.object;
      const reason = describeChange(change);
      if (metadata.labels?.[labels.instance] === NETWORK.name) everyStackIn(metadata.namespace, reason);
      else for (const key of byStack(change.object)) enqueue(key, reason);
    });
  }
  sources.everyPod.onChange((change) => {
    for (const key of byStack(change.object).flatMap((stack) => rivals.waitingFor(stack)))
      enqueue(key, describeChange(change));
  });
  sources.backups.onChange((change) => enqueue(deploymentOf(change.object), describeChange(change)));
  for (const source of Object.values(sources.clusters))
    source.onChange((change) => {
      const key = `${change.object.kind}/${keyOf(change.object)}`;
      for (const stack of sources.stacks.cache.byIndex('cluster', key))
        enqueue(keyOf(stack), describeChange(change));
    });
  sources.secrets.onChange((change) => {
    const { cache } = sources.stacks;
    // The object of a cluster may name any Secret as the one that it publishes.
    const users = cache.byIndex('clusterUser', change.object.metadata.namespace ?? '');
    for (const stack of new Set([...cache.byIndex('secret', keyOf(change.object)), ...users]))
      enqueue(keyOf(stack), describeChange(change));
  });
}

/** Calls back with the key of each stack whose backups or restore a change concerns, and what changed. */
export function onBackupChange(sources: StackSources, enqueue: (key: string, reason: string) => void): void {
  sources.stacks.onChange((change) => {
    if (!isForeignChange(change)) enqueue(keyOf(change.object), describeChange(change));
  });
  sources.backups.onChange((change) => enqueue(deploymentOf(change.object), describeChange(change)));
  for (const source of [...sources.children, sources.pods])
    source.onChange((change) => {
      for (const key of byRestore(change.object)) enqueue(key, describeChange(change));
      for (const key of byBackup(change.object)) {
        const backup = sources.backups.cache.get(key);
        if (backup) enqueue(deploymentOf(backup), describeChange(change));
      }
    });
}

const describeChange = ({ type, object }: CacheChange<KubeObject>): string =>
  `${object.kind} ${object.metadata.name} ${type.toLowerCase()}`;

/** The backups that parse. */
export const parsedBackups = (objects: readonly KubeObject[]): WhatsAppBackup[] =>
  objects.flatMap((object) => {
    const parsed = parseWhatsAppBackup(object);
    return parsed.ok ? [parsed.resource] : [];
  });

/** The stacks that parse. */
export const parsedStacks = (objects: readonly KubeObject[]): WhatsAppDeployment[] =>
  objects.flatMap((object) => {
    const parsed = parseWhatsAppDeployment(object);
    return parsed.ok ? [parsed.resource] : [];
  });
