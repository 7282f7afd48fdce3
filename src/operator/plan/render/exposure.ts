import { WEB_PORT } from '../../../onprem/environment.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { names, WEBAPP_CA_KEY } from '../facts/names.ts';
import { type Child, child } from './child.ts';

/** The objects by which the API is reached from outside the cluster, and how a Gateway trusts the Webapps. */

type Spec = WhatsAppDeployment['spec'];
type Exposure = NonNullable<Spec['exposure']>;
type Parent = NonNullable<Exposure['httpRoute']>['parents'][number];

export const GATEWAY_API = 'gateway.networking.k8s.io';

/** What a Gateway verifies: the authority of the Webapps (PEM), and a name that their certificate bears. */
export interface WebappTrust {
  readonly ca: string;
  readonly serverName: string;
}

/** With the defaults of the API server, so that they are no difference. */
export const parentRefs = (parents: readonly Parent[]) =>
  parents.map((parent) => ({ group: GATEWAY_API, kind: 'Gateway', ...parent }));

export const backendRefs = (service: string, port: number) => [
  { group: '', kind: 'Service', name: service, port, weight: 1 },
];

const portOf = ({ service }: Spec): number => service?.ports?.https ?? WEB_PORT;

/** In the order in which they are needed: first what a Gateway trusts, so that it never sends requests in the clear. */
export function exposure(resource: WhatsAppDeployment, trust: WebappTrust): Child[] {
  const { httpRoute, tlsRoute, ingress } = resource.spec.exposure ?? {};
  return [
    ...(httpRoute || ingress ? [authority(resource, trust)] : []),
    ...(tlsRoute ? [tls(resource, tlsRoute)] : []),
    ...(httpRoute ? [tlsPolicy(resource, trust), http(resource, httpRoute)] : []),
    ...(ingress ? [entrance(resource, ingress)] : []),
  ];
}

/** The journal has it too, but a Gateway need not be able to read a Secret, and should not read that one. */
const authority = (resource: WhatsAppDeployment, { ca }: WebappTrust): Child =>
  child(resource, {
    component: 'webapp',
    identity: { apiVersion: 'v1', kind: 'ConfigMap', name: names(resource.metadata.name).webappCa },
    inputs: { ca },
    render: (inputs) => ({ data: { [WEBAPP_CA_KEY]: inputs.ca } }),
  });

const tlsPolicy = (resource: WhatsAppDeployment, { serverName }: WebappTrust): Child => {
  const { name } = resource.metadata;
  const { webapp, webappCa } = names(name);
  return child(resource, {
    component: 'webapp',
    identity: { apiVersion: `${GATEWAY_API}/v1`, kind: 'BackendTLSPolicy', name },
    inputs: { webapp, webappCa, serverName },
    render: (inputs) => ({
      spec: {
        targetRefs: [{ group: '', kind: 'Service', name: inputs.webapp, sectionName: 'https' }],
        validation: {
          caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: inputs.webappCa }],
          hostname: inputs.serverName,
        },
      },
    }),
  });
};

const http = (resource: WhatsAppDeployment, route: NonNullable<Exposure['httpRoute']>): Child =>
  child(resource, {
    component: 'webapp',
    identity: { apiVersion: `${GATEWAY_API}/v1`, kind: 'HTTPRoute', name: resource.metadata.name },
    inputs: { route, service: names(resource.metadata.name).webapp, port: portOf(resource.spec) },
    render: ({ route: { parents, hostnames, paths }, service, port }) => ({
      spec: {
        parentRefs: parentRefs(parents),
        ...(hostnames ? { hostnames } : {}),
        rules: [
          {
            matches: paths.map((value) => ({ path: { type: 'PathPrefix', value } })),
            backendRefs: backendRefs(service, port),
          },
        ],
      },
    }),
  });

const tls = (resource: WhatsAppDeployment, route: NonNullable<Exposure['tlsRoute']>): Child =>
  child(resource, {
    component: 'webapp',
    identity: { apiVersion: `${GATEWAY_API}/v1`, kind: 'TLSRoute', name: resource.metadata.name },
    inputs: { route, service: names(resource.metadata.name).webapp, port: portOf(resource.spec) },
    render: ({ route: { parents, hostnames }, service, port }) => ({
      spec: {
        parentRefs: parentRefs(parents),
        hostnames,
        rules: [{ backendRefs: backendRefs(service, port) }],
      },
    }),
  });

const entrance = (resource: WhatsAppDeployment, ingress: NonNullable<Exposure['ingress']>): Child =>
  child(resource, {
    component: 'webapp',
    identity: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: resource.metadata.name },
    inputs: { ingress, service: names(resource.metadata.name).webapp },
    annotations: ingress.annotations,
    render: ({ ingress: { className, hostnames, paths, tlsSecretName }, service }) => ({
      spec: {
        ...(className ? { ingressClassName: className } : {}),
        ...(tlsSecretName ? { tls: [{ hosts: hostnames, secretName: tlsSecretName }] } : {}),
        rules: hostnames.map((host) => ({
          host,
          http: {
            paths: paths.map((path) => ({
              path,
              pathType: 'Prefix',
              backend: { service: { name: service, port: { name: 'https' } } },
            })),
          },
        })),
      },
    }),
  });
