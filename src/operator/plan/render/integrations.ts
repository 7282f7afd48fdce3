import { GATEWAY_PATHS } from '../../../cloud/gatewayStatus.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { controlTokenPlace } from '../facts/cloud.ts';
import { exposedNames } from '../facts/exposedNames.ts';
import { KEYS } from '../facts/generatedSecrets.ts';
import { labels, memberLabels, names, WEBAPP_CA_KEY } from '../facts/names.ts';
import { webappHost } from '../facts/stackSettings.ts';
import { type Child, child } from './child.ts';

/** Objects for other operators, of kinds that the cluster may not serve. */

/** The cert-manager Certificate of the Webapps. */
export function issuedCertificate(resource: WhatsAppDeployment): Child[] {
  const issuer = resource.spec.tls?.issuerRef;
  if (!issuer) return [];
  const { tlsSecret } = names(resource.metadata.name);
  return [
    child(resource, {
      component: 'webapp',
      identity: { apiVersion: 'cert-manager.io/v1', kind: 'Certificate', name: tlsSecret },
      inputs: { secretName: tlsSecret, host: webappHost(resource), issuer, exposed: exposedNames(resource) },
      render: ({ secretName, host, issuer: { name, kind }, exposed }) => ({
        spec: {
          secretName,
          dnsNames: [host, host.replace(/\.svc$/, ''), ...exposed],
          usages: ['server auth', 'digital signature', 'key encipherment'],
          issuerRef: { name, kind },
        },
      }),
    }),
  ];
}

/** Prometheus scrapes the gateway to the Cloud API, whose control port is for the cluster alone and speaks HTTP. */
export function gatewayMonitor(resource: WhatsAppDeployment): Child[] {
  const { monitoring, cloud } = resource.spec;
  if (!monitoring?.podMonitor || !cloud) return [];
  const { name } = resource.metadata;
  return [
    child(resource, {
      component: 'gateway',
      identity: { apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor', name: names(name).gateway },
      inputs: { selector: memberLabels(name, 'gateway'), token: controlTokenPlace(resource) },
      render: ({ selector, token }) => ({
        spec: {
          selector: { matchLabels: selector },
          podMetricsEndpoints: [
            {
              port: 'control',
              scheme: 'http',
              path: GATEWAY_PATHS.metrics,
              authorization: { type: 'Bearer', credentials: token },
              // The same labels as in the metrics of the operator.
              relabelings: [
                { targetLabel: 'stack', sourceLabels: [`__meta_kubernetes_pod_label_${INSTANCE_LABEL}`] },
              ],
            },
          ],
        },
      }),
    }),
  ];
}
/** As Prometheus writes the name of a label. */
const INSTANCE_LABEL = labels.instance.replaceAll(/[^A-Za-z0-9_]/g, '_');

/**
 * Prometheus scrapes each Webapp directly, with the API key, which it sends only to who presents the certificate of the stack.
 * @param serverName a name that this certificate bears; it names no pod
 */
export function podMonitor(resource: WhatsAppDeployment, serverName: string): Child[] {
  if (!resource.spec.monitoring?.podMonitor) return [];
  const { name } = resource.metadata;
  return [
    child(resource, {
      component: 'webapp',
      identity: { apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor', name },
      inputs: {
        selector: memberLabels(name, 'webapp'),
        keys: names(name).keysSecret,
        // Has the authority as soon as the API has answered the operator.
        journal: names(name).journal,
        serverName,
      },
      render: ({ selector, keys, journal, serverName: verified }) => ({
        spec: {
          selector: { matchLabels: selector },
          podMetricsEndpoints: [
            {
              port: 'https',
              scheme: 'https',
              path: '/metrics',
              params: { format: ['prometheus'] },
              authorization: { type: 'Apikey', credentials: { name: keys, key: KEYS.apiKey } },
              tlsConfig: { serverName: verified, ca: { secret: { name: journal, key: WEBAPP_CA_KEY } } },
            },
          ],
        },
      }),
    }),
  ];
}
