/** The parts of a Kubernetes object that the engine itself reads. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly unknown[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** A kind of object as the API serves it. */
export interface ResourceKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

const namespaced = (apiVersion: string, kind: string, plural = `${kind.toLowerCase()}s`): ResourceKind => ({
  apiVersion,
  kind,
  plural,
  namespaced: true,
});
const cluster = (apiVersion: string, kind: string, plural = `${kind.toLowerCase()}s`): ResourceKind => ({
  ...namespaced(apiVersion, kind, plural),
  namespaced: false,
});

/** The built-in kinds that this project touches. */
export const kinds = {
  ConfigMap: namespaced('v1', 'ConfigMap'),
  Deployment: namespaced('apps/v1', 'Deployment'),
  Event: namespaced('v1', 'Event'),
  HorizontalPodAutoscaler: namespaced('autoscaling/v2', 'HorizontalPodAutoscaler'),
  Ingress: namespaced('networking.k8s.io/v1', 'Ingress', 'ingresses'),
  Job: namespaced('batch/v1', 'Job'),
  Lease: namespaced('coordination.k8s.io/v1', 'Lease'),
  Namespace: cluster('v1', 'Namespace'),
  NetworkPolicy: namespaced('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  Node: cluster('v1', 'Node'),
  PersistentVolume: cluster('v1', 'PersistentVolume'),
  PersistentVolumeClaim: namespaced('v1', 'PersistentVolumeClaim'),
  Pod: namespaced('v1', 'Pod'),
  PodDisruptionBudget: namespaced('policy/v1', 'PodDisruptionBudget'),
  Role: namespaced('rbac.authorization.k8s.io/v1', 'Role'),
  RoleBinding: namespaced('rbac.authorization.k8s.io/v1', 'RoleBinding'),
  ClusterRole: cluster('rbac.authorization.k8s.io/v1', 'ClusterRole'),
  ClusterRoleBinding: cluster('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'),
  Secret: namespaced('v1', 'Secret'),
  Service: namespaced('v1', 'Service'),
  ServiceAccount: namespaced('v1', 'ServiceAccount'),
  StatefulSet: namespaced('apps/v1', 'StatefulSet'),
  StorageClass: cluster('storage.k8s.io/v1', 'StorageClass', 'storageclasses'),
  CustomResourceDefinition: cluster('apiextensions.k8s.io/v1', 'CustomResourceDefinition'),
  ValidatingAdmissionPolicy: cluster(
    'admissionregistration.k8s.io/v1',
    'ValidatingAdmissionPolicy',
    'validatingadmissionpolicies',
  ),
  ValidatingAdmissionPolicyBinding: cluster(
    'admissionregistration.k8s.io/v1',
    'ValidatingAdmissionPolicyBinding',
  ),
} as const;

const byName = new Map<string, ResourceKind>(
  Object.values(kinds).map((kind) => [`${kind.apiVersion}/${kind.kind}`, kind]),
);

/** The kind of an object. Throws for a kind that is not registered, because its plural would be a guess. */
export function kindOf(object: { readonly apiVersion: string; readonly kind: string }): ResourceKind {
  const kind = byName.get(`${object.apiVersion}/${object.kind}`);
  if (!kind)
    throw new Error(`unknown kind ${object.apiVersion}/${object.kind}; register it with registerKind`);
  return kind;
}

/** Makes a kind known, usually that of a custom resource. */
export function registerKind(kind: ResourceKind): ResourceKind {
  byName.set(`${kind.apiVersion}/${kind.kind}`, kind);
  return kind;
}

/** `/apis/apps/v1/namespaces/shop/deployments/web/status` and its shorter forms. */
export function resourcePath(
  kind: ResourceKind,
  namespace?: string,
  name?: string,
  subresource?: string,
): string {
  const root = kind.apiVersion.includes('/') ? `/apis/${kind.apiVersion}` : `/api/${kind.apiVersion}`;
  const scope =
    kind.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const rest = [kind.plural, name && encodeURIComponent(name), subresource].filter(Boolean).join('/');
  return `${root}${scope}/${rest}`;
}

/** The namespace in a path as `resourcePath` makes it; undefined for cluster-scoped objects. */
export const namespaceOfPath = (path: string): string | undefined => {
  const [, namespace] = /\/namespaces\/([^/]+)\//.exec(path) ?? [];
  return namespace === undefined ? undefined : decodeURIComponent(namespace);
};

/** `namespace/name`, the key of queues and caches. Cluster-scoped objects have no namespace. */
export const keyOf = ({ metadata }: KubeObject): string => objectKey(metadata.namespace, metadata.name);
export const objectKey = (namespace: string | undefined, name: string): string =>
  namespace ? `${namespace}/${name}` : name;

export function splitKey(key: string): { namespace: string; name: string } {
  const [namespace, name] = key.includes('/') ? (key.split('/') as [string, string]) : ['', key];
  return { namespace, name };
}
