import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { restricted } from '../../src/operator/plan/render/podTemplate.ts';

/** Where clients find the Gateway. Its listener `https` has this port. */
export const GATEWAY = { name: 'traefik', port: 8443 };
const PING_PORT = 8080;
const GATEWAY_API = 'gateway.networking.k8s.io';

/** What the client of a Gateway sees. */
export interface ListenerCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/**
 * Objects that run Traefik as the controller of one Gateway, which takes routes of every namespace. The kinds of the Gateway
 * API must be there.
 */
export function traefikGateway(
  image: string,
  namespace: string,
  { certificatePem, privateKeyPem }: ListenerCertificate,
): KubeObject[] {
  const { name, port } = GATEWAY;
  const labels = { app: name };
  const rbac = 'rbac.authorization.k8s.io';
  const certificate = `${name}-certificate`;
  const rule = (apiGroup: string, verbs: readonly string[], ...resources: string[]) => ({
    apiGroups: [apiGroup],
    resources,
    verbs,
  });
  const READ = ['get', 'list', 'watch'];
  const kindsOfRoutes = [
    'gatewayclasses',
    'gateways',
    'httproutes',
    'grpcroutes',
    'tlsroutes',
    'backendtlspolicies',
  ];
  const container = {
    name,
    image,
    imagePullPolicy: 'IfNotPresent',
    args: [
      '--providers.kubernetesgateway=true',
      `--entrypoints.https.address=:${port}`,
      `--entrypoints.traefik.address=:${PING_PORT}`,
      '--ping=true',
      '--log.level=INFO',
      '--global.checknewversion=false',
      '--global.sendanonymoususage=false',
    ],
    ports: [{ containerPort: port }],
    readinessProbe: { httpGet: { path: '/ping', port: PING_PORT }, periodSeconds: 1 },
    securityContext: restricted().container,
  };
  const { sysctls: _, ...securityContext } = restricted().pod;
  const pod = { serviceAccountName: name, securityContext, containers: [container] };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name },
      rules: [
        rule('', READ, 'namespaces', 'services', 'secrets', 'configmaps', 'nodes'),
        rule('discovery.k8s.io', READ, 'endpointslices'),
        rule(GATEWAY_API, READ, ...kindsOfRoutes, 'referencegrants'),
        rule(GATEWAY_API, ['update', 'patch'], ...kindsOfRoutes.map((kind) => `${kind}/status`)),
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
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/tls',
      metadata: { name: certificate, namespace },
      stringData: { 'tls.crt': certificatePem, 'tls.key': privateKeyPem },
    },
    {
      apiVersion: `${GATEWAY_API}/v1`,
      kind: 'GatewayClass',
      metadata: { name },
      spec: { controllerName: 'traefik.io/gateway-controller' },
    },
    {
      apiVersion: `${GATEWAY_API}/v1`,
      kind: 'Gateway',
      metadata: { name, namespace },
      spec: {
        gatewayClassName: name,
        listeners: [
          {
            name: 'https',
            protocol: 'HTTPS',
            port,
            tls: { mode: 'Terminate', certificateRefs: [{ name: certificate }] },
            allowedRoutes: { namespaces: { from: 'All' } },
          },
        ],
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { selector: labels, ports: [{ name: 'https', port }] },
    },
  ];
}
