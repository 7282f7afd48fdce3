import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { names, selectorLabels } from '../facts/names.ts';
import { webappHost } from '../facts/stackSettings.ts';
import { type Child, child } from './child.ts';
import { KEYS } from './stackEnvironment.ts';

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
      inputs: { secretName: tlsSecret, host: webappHost(resource), issuer },
      render: ({ secretName, host, issuer: { name, kind } }) => ({
        spec: {
          secretName,
          dnsNames: [host, host.replace(/\.svc$/, '')],
          usages: ['server auth', 'digital signature', 'key encipherment'],
          issuerRef: { name, kind },
        },
      }),
    }),
  ];
}

/** Prometheus scrapes each Webapp directly, with the API key. */
export function podMonitor(resource: WhatsAppDeployment): Child[] {
  if (!resource.spec.monitoring?.podMonitor) return [];
  const { name } = resource.metadata;
  return [
    child(resource, {
      component: 'webapp',
      identity: { apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor', name },
      inputs: { selector: selectorLabels(name, 'webapp'), keys: names(name).keysSecret },
      render: ({ selector, keys }) => ({
        spec: {
          selector: { matchLabels: selector },
          podMetricsEndpoints: [
            {
              port: 'https',
              scheme: 'https',
              path: '/metrics',
              params: { format: ['prometheus'] },
              authorization: { type: 'Apikey', credentials: { name: keys, key: KEYS.apiKey } },
              // No certificate names the address of a pod.
              tlsConfig: { insecureSkipVerify: true },
            },
          ],
        },
      }),
    }),
  ];
}
