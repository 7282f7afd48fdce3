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
  await ensureCertificate(client, metadata, fieldManager, signal);
  return [service(metadata), deployment(metadata, image)];
}

interface ReceiverMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: { readonly app: string };
}

async function ensureCertificate(
  client: KubeClient,
  metadata: ReceiverMetadata,
  fieldManager: string,
  signal: AbortSignal,
): Promise<void> {
  const { namespace } = metadata;
  const exists = await client.get(kinds.Secret, namespace, RECEIVER, signal).then(
    () => true,
    (error: unknown) => {
      if (isNotFound(error)) return false;
      throw error;
    },
  );
  if (exists) return;
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

const service = (metadata: ReceiverMetadata): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata,
  spec: { selector: metadata.labels, ports: [{ name: 'https', port: RECEIVER_PORT, targetPort: 'https' }] },
});

function deployment(metadata: ReceiverMetadata, image: string): KubeObject {
  const container = {
    name: 'receiver',
    image,
    securityContext: restricted().container,
    command: ['/usr/local/bin/kubectl-waba', 'webhooks', 'receive'],
    args: [`--port=${RECEIVER_PORT}`, '--cert=/etc/receiver/tls.crt', '--key=/etc/receiver/tls.key'],
    ports: [{ name: 'https', containerPort: RECEIVER_PORT }],
    readinessProbe: { tcpSocket: { port: 'https' }, periodSeconds: 2 },
    volumeMounts: [{ name: 'tls', mountPath: '/etc/receiver', readOnly: true }],
  };
  const pod = {
    enableServiceLinks: false,
    automountServiceAccountToken: false,
    securityContext: restricted().pod,
    containers: [container],
    volumes: [{ name: 'tls', secret: { secretName: RECEIVER } }],
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      replicas: 1,
      selector: { matchLabels: metadata.labels },
      template: { metadata: { labels: metadata.labels }, spec: pod },
    },
  };
}
