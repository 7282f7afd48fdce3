import { GATEWAY_PORTS } from '../../../cloud/gatewayStatus.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { names } from '../facts/names.ts';
import { type Child, child } from './child.ts';
import { backendRefs, GATEWAY_API, parentRefs } from './exposure.ts';

/**
 * How the Cloud API reaches the webhook port of a gateway from the Internet. Whoever ends TLS connects to the pod by HTTP: every
 * webhook is signed, and the path leads to nothing else.
 */

type Webhook = NonNullable<NonNullable<WhatsAppDeployment['spec']['cloud']>['webhook']>;

export function webhookExposure(resource: WhatsAppDeployment): Child[] {
  const { httpRoute, ingress } = resource.spec.cloud?.webhook ?? {};
  return [
    ...(httpRoute ? [http(resource, httpRoute)] : []),
    ...(ingress ? [entrance(resource, ingress)] : []),
  ];
}

const http = (resource: WhatsAppDeployment, route: NonNullable<Webhook['httpRoute']>): Child => {
  const { gateway } = names(resource.metadata.name);
  return child(resource, {
    component: 'gateway',
    identity: { apiVersion: `${GATEWAY_API}/v1`, kind: 'HTTPRoute', name: gateway },
    inputs: { route, service: gateway },
    render: ({ route: { parents, hostnames, path }, service }) => ({
      spec: {
        parentRefs: parentRefs(parents),
        hostnames,
        rules: [
          {
            matches: [{ path: { type: 'Exact', value: path } }],
            backendRefs: backendRefs(service, GATEWAY_PORTS.webhook),
          },
        ],
      },
    }),
  });
};

const entrance = (resource: WhatsAppDeployment, ingress: NonNullable<Webhook['ingress']>): Child => {
  const { gateway } = names(resource.metadata.name);
  return child(resource, {
    component: 'gateway',
    identity: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: gateway },
    inputs: { ingress, service: gateway },
    annotations: ingress.annotations,
    render: ({ ingress: { className, hostnames, path, tlsSecretName }, service }) => ({
      spec: {
        ...(className ? { ingressClassName: className } : {}),
        ...(tlsSecretName ? { tls: [{ hosts: hostnames, secretName: tlsSecretName }] } : {}),
        rules: hostnames.map((host) => ({
          host,
          http: {
            paths: [
              { path, pathType: 'Exact', backend: { service: { name: service, port: { name: 'webhook' } } } },
            ],
          },
        })),
      },
    }),
  });
};
