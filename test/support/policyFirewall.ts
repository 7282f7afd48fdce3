import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';

export const POLICY_FIREWALL = { namespace: 'kube-system', name: 'kube-router' };
/** What kind gives to Services unless its configuration says otherwise. */
const CLUSTER_IPS = '10.96.0.0/16';
/** On the network of the machines. */
const HEALTH_PORT = 20_244;

/** Objects that run the firewall of kube-router, and nothing else of it, on each machine of a kind cluster. */
export function policyFirewall(image: string): KubeObject[] {
  const { namespace, name } = POLICY_FIREWALL;
  const labels = { app: name };
  const read = (apiGroup: string, ...resources: string[]) => ({
    apiGroups: [apiGroup],
    resources,
    verbs: ['get', 'list', 'watch'],
  });
  const container = {
    name,
    image,
    imagePullPolicy: 'IfNotPresent',
    args: [
      '--run-firewall=true',
      '--run-router=false',
      '--run-service-proxy=false',
      '--run-loadbalancer=false',
      `--service-cluster-ip-range=${CLUSTER_IPS}`,
      `--health-port=${HEALTH_PORT}`,
    ],
    // Not before it has read the cluster: until then it keeps no policy.
    readinessProbe: { httpGet: { path: '/healthz', port: HEALTH_PORT }, periodSeconds: 1 },
    env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
    securityContext: { privileged: true },
  };
  const pod = {
    serviceAccountName: name,
    hostNetwork: true,
    priorityClassName: 'system-node-critical',
    tolerations: [{ operator: 'Exists' }],
    containers: [container],
  };
  const rbac = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name },
      rules: [
        read('', 'endpoints', 'namespaces', 'nodes', 'pods', 'services'),
        read('discovery.k8s.io', 'endpointslices'),
        read('networking.k8s.io', 'networkpolicies'),
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name, namespace },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
    },
  ];
}
