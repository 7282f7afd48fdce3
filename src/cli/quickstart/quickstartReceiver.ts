import { createAuthority, issueCertificate } from '../../base/pki/certificates.ts';
import { isAlreadyExists, isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { restricted } from '../../operator/plan/render/podTemplate.ts';

/** Name of the receiver's objects. The webhook of examples/quickstart.yaml names them too. */
export const RECEIVER = 'webhook-receiver';
const RECEIVER_PORT = 8443;

/** Objects of a webhook receiver. Its CA and certificate are created in a Secret once, and kept. */
export async function quickstartReceiver(
  client: KubeClient,
  { namespace, image, fieldManager }: { namespace: string; image: string; fieldManager: string },
  signal: AbortSignal,
): Promise<KubeObject[]> {
  const metadata = { name: RECEIVER, namespace, labels: { app: RECEIVER } };
  const exists = await client.get(kinds.Secret, namespace, RECEIVER, signal).then(
    () => true,
    (error: unknown) => {
      if (isNotFound(error)) return false;
      throw error;
    },
  );
  if (!exists) {
    const authority = await createAuthority({ subject: 'CN=webhook receiver of the quickstart' });
    const pair = await issueCertificate(authority, {
      commonName: RECEIVER,
      hosts: [`${RECEIVER}.${namespace}.svc`],
      usage: 'server',
    });
    const stringData = {
      'ca.crt': authority.certificatePem,
      'tls.crt': pair.certificatePem,
      'tls.key': pair.privateKeyPem,
    };
    await client
      .create({ apiVersion: 'v1', kind: 'Secret', metadata, stringData }, { fieldManager }, signal)
      .catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
  }
  const selector = { app: RECEIVER };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector, ports: [{ name: 'https', port: RECEIVER_PORT, targetPort: 'https' }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: selector },
        template: {
          metadata: { labels: selector },
          spec: {
            enableServiceLinks: false,
            automountServiceAccountToken: false,
            securityContext: restricted().pod,
            containers: [
              {
                name: 'receiver',
                image,
                securityContext: restricted().container,
                command: ['/usr/local/bin/kubectl-waba', 'webhooks', 'receive'],
                args: [
                  `--port=${RECEIVER_PORT}`,
                  '--cert=/etc/receiver/tls.crt',
                  '--key=/etc/receiver/tls.key',
                ],
                ports: [{ name: 'https', containerPort: RECEIVER_PORT }],
                readinessProbe: { tcpSocket: { port: 'https' }, periodSeconds: 2 },
                volumeMounts: [{ name: 'tls', mountPath: '/etc/receiver', readOnly: true }],
              },
            ],
            volumes: [{ name: 'tls', secret: { secretName: RECEIVER } }],
          },
        },
      },
    },
  ];
}
