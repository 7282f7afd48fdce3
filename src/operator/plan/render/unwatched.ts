import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { names, selectorLabels, stackLabels } from '../facts/names.ts';
import { webappHost } from '../facts/stackSettings.ts';
import { ownerReference } from './child.ts';
import { KEYS } from './stackEnvironment.ts';

/** The certificate of the Webapps as cert-manager is asked for it. */
export function issuedCertificate(resource: WhatsAppDeployment): KubeObject | undefined {
  const { tls } = resource.spec;
  if (!tls?.issuerRef) return undefined;
  const { name, namespace } = resource.metadata;
  const host = webappHost(resource);
  const { tlsSecret } = names(name);
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: {
      name: tlsSecret,
      namespace,
      labels: stackLabels(name, 'webapp'),
      ownerReferences: [ownerReference(resource)],
    },
    spec: {
      secretName: tlsSecret,
      dnsNames: [host, host.replace(/\.svc$/, '')],
      usages: ['server auth', 'digital signature', 'key encipherment'],
      issuerRef: { name: tls.issuerRef.name, kind: tls.issuerRef.kind },
    },
  };
}

/** Webapps scraped directly, each for itself, with the API key. */
export function podMonitor(resource: WhatsAppDeployment): KubeObject | undefined {
  if (!resource.spec.monitoring?.podMonitor) return undefined;
  const { name, namespace } = resource.metadata;
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PodMonitor',
    metadata: {
      name,
      namespace,
      labels: stackLabels(name, 'webapp'),
      ownerReferences: [ownerReference(resource)],
    },
    spec: {
      selector: { matchLabels: selectorLabels(name, 'webapp') },
      podMetricsEndpoints: [
        {
          port: 'https',
          scheme: 'https',
          path: '/metrics',
          params: { format: ['prometheus'] },
          authorization: { type: 'Apikey', credentials: { name: names(name).keysSecret, key: KEYS.apiKey } },
          // Addresses of pods are in no certificate.
          tlsConfig: { insecureSkipVerify: true },
        },
      ],
    },
  };
}
