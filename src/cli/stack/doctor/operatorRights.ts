/**
 * Rights that the operator needs in a namespace in which it runs stacks: `[API group, resource, verbs]`. Those for kinds of
 * other projects are left out: a cluster may not have them. A test compares the list with deploy/install.yaml.
 */
export const OPERATOR_RIGHTS: readonly (readonly [string, string, readonly string[]])[] = [
  ['waba-operator.dev', 'whatsappdeployments', ['patch']],
  ['waba-operator.dev', 'whatsappbackups', ['create', 'patch', 'delete']],
  ['waba-operator.dev', 'whatsappdeployments/finalizers', ['update']],
  ['waba-operator.dev', 'whatsappbackups/finalizers', ['update']],
  ['', 'secrets', ['get', 'list', 'watch', 'create', 'update', 'delete']],
  ['', 'services', ['create', 'patch', 'delete']],
  ['', 'serviceaccounts', ['create', 'patch', 'delete']],
  ['', 'persistentvolumeclaims', ['create', 'patch', 'delete']],
  ['', 'pods', ['delete']],
  ['', 'pods/log', ['get']],
  ['', 'events', ['list', 'create', 'patch']],
  ['apps', 'deployments', ['create', 'patch', 'delete']],
  ['apps', 'statefulsets', ['create', 'patch', 'delete']],
  ['batch', 'jobs', ['create', 'patch', 'delete']],
  ['policy', 'poddisruptionbudgets', ['create', 'patch', 'delete']],
  ['networking.k8s.io', 'networkpolicies', ['create', 'patch', 'delete']],
  ['networking.k8s.io', 'ingresses', ['create', 'patch', 'delete']],
  ['autoscaling', 'horizontalpodautoscalers', ['create', 'patch', 'delete']],
  ['', 'configmaps', ['get', 'list', 'watch', 'create', 'patch', 'delete']],
  ['coordination.k8s.io', 'leases', ['get', 'create', 'update', 'delete']],
];
