import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { kinds } from '../../src/engine/kube/kubeObject.ts';
import { WhatsAppDeploymentKind } from '../../src/operator/state/stackSources.ts';
import { clusterProcesses, killProcesses } from './clusterProcesses.ts';
import { eventually } from './eventually.ts';
import type { OperatorCluster } from './operatorCluster.ts';

const never = new AbortController().signal;
const OPERATOR = ['-n', 'waba-operator-system'];
const DEPLOYMENT = [...OPERATOR, 'deployment/waba-operator'];

/** One thing that is broken about the stack `one` or about the installation, and what the doctor must say. */
export interface Ailment {
  readonly what: string;
  /** The stack that is examined. Default: `one`. */
  readonly stack?: string;
  readonly inflict: () => Promise<unknown>;
  readonly cure: () => Promise<unknown>;
  /** Checks that must answer, with a part of their evidence. */
  readonly found: readonly (readonly [check: string, verdict: 'warning' | 'failed', says: string])[];
}

/** What the ailments need of the test. */
export interface Patient {
  readonly cluster: OperatorCluster;
  readonly receiver: { readonly url: string; readonly refuse: (refusing: boolean) => void };
  /** A receiver whose certificate is good for five days; its CA is in Secret `short-ca`. */
  readonly shortLived: { readonly url: string };
  readonly waba: (...args: string[]) => Promise<unknown>;
  readonly number: string;
}

/** In the order in which they are inflicted: each is cured before the next. */
export function ailments({ cluster, receiver, shortLived, waba, number }: Patient): readonly Ailment[] {
  const kubectl = (...args: string[]) => cluster.kubectl(...args);
  const spec = (patch: object) => () => cluster.spec('one', patch);
  const pause = () => waba('pause', 'one');
  const resume = () => waba('resume', 'one');
  const goodWebhook = { url: receiver.url, caSecretRef: { name: 'hook-ca' } };
  let secret: KubeObject | undefined;

  return [
    {
      what: 'the operator is scaled to nothing, the build of the client ends soon, and spec changes unseen',
      inflict: async () => {
        await kubectl('scale', ...DEPLOYMENT, '--replicas=0');
        await eventually(async () => (await cluster.pods('', 'waba-operator-system')).length === 0, 60_000);
        const expires = new Date(Date.now() + 5.5 * 86_400_000).toISOString();
        await cluster.client.mergePatch(
          WhatsAppDeploymentKind,
          { namespace: 'default', name: 'one', subresource: 'status' },
          { status: { client: { expires } } },
          never,
        );
        await cluster.spec('one', { deletionPolicy: 'Delete' });
      },
      cure: async () => {
        await kubectl('scale', ...DEPLOYMENT, '--replicas=1');
        await kubectl('rollout', 'status', ...DEPLOYMENT, '--timeout=60s');
      },
      found: [
        ['operator', 'failed', 'has no replicas'],
        ['leader', 'failed', 'no pod holds Lease'],
        ['followed', 'warning', 'the operator has reconciled generation'],
        ['build-expiry', 'warning', 'the build expires in 5 days'],
      ],
    },
    {
      what: 'the operator is not enabled in the namespace',
      inflict: () => waba('namespace', 'disable', 'default'),
      cure: () => waba('namespace', 'enable', 'default'),
      found: [['operator-rights', 'failed', 'in namespace default the operator may not']],
    },
    {
      what: 'the operator is of another version',
      inflict: () => kubectl('label', ...DEPLOYMENT, 'app.kubernetes.io/version=9.9.9', '--overwrite'),
      cure: () => kubectl('label', ...DEPLOYMENT, 'app.kubernetes.io/version=0.1.0', '--overwrite'),
      found: [['operator-version', 'warning', 'operator waba-operator-system/waba-operator 9.9.9']],
    },
    {
      what: 'the CRD lacks a field of this version',
      inflict: async () => {
        const path = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/messageRetention';
        const crd = 'whatsappdeployments.waba-operator.dev';
        await kubectl('patch', 'crd', crd, '--type=json', '-p', JSON.stringify([{ op: 'remove', path }]));
      },
      cure: () =>
        kubectl('apply', '--server-side', '--force-conflicts', '-f', 'crds/whatsappdeployments.yaml'),
      found: [['crd', 'failed', 'such as spec.messageRetention']],
    },
    {
      what: 'a quota is used up',
      inflict: () => kubectl('create', 'quota', 'tight', '--hard=count/replicationcontrollers=0'),
      cure: () => kubectl('delete', 'resourcequota', 'tight'),
      found: [['quota', 'warning', 'ResourceQuota tight: 0 of 0 count/replicationcontrollers are used']],
    },
    {
      what: 'the only node is cordoned',
      inflict: async () => kubectl('cordon', await nodeName(cluster)),
      cure: async () => kubectl('uncordon', await nodeName(cluster)),
      found: [['nodes', 'failed', 'is cordoned: it takes no pods']],
    },
    {
      what: 'the clock of a node is a minute ahead',
      inflict: () =>
        cluster.apply({
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name: 'fast-clock', namespace: 'kube-node-lease' },
          spec: {
            holderIdentity: 'fast-clock',
            leaseDurationSeconds: 40,
            renewTime: new Date(Date.now() + 60_000).toISOString().replace('Z', '000Z'),
          },
        }),
      cure: () => kubectl('-n', 'kube-node-lease', 'delete', 'lease', 'fast-clock'),
      found: [['node-clocks', 'failed', 'the clock of Node fast-clock is 5']],
    },
    {
      what: 'the DNS of the cluster does not run',
      inflict: () =>
        kubectl(
          ...['-n', 'kube-system', 'run', 'coredns', '--labels=k8s-app=kube-dns', '--restart=Never'],
          '--image=registry.invalid/coredns:1',
        ),
      cure: () => kubectl('-n', 'kube-system', 'delete', 'pod', 'coredns', '--now'),
      found: [['cluster-dns', 'failed', '0 of 1 DNS pods are ready']],
    },
    {
      what: 'a volume is not bound',
      inflict: () =>
        cluster.apply({
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: {
            name: 'one-archive',
            namespace: 'default',
            labels: {
              'app.kubernetes.io/managed-by': 'waba-operator',
              'app.kubernetes.io/instance': 'one',
              'app.kubernetes.io/component': 'archive',
            },
          },
          spec: {
            accessModes: ['ReadWriteOnce'],
            storageClassName: 'fast',
            resources: { requests: { storage: '1Gi' } },
          },
        }),
      cure: () => kubectl('delete', 'pvc', 'one-archive'),
      found: [['claims', 'failed', 'PersistentVolumeClaim one-archive (StorageClass fast) is Pending']],
    },
    {
      what: 'the number is in another stack, too',
      stack: 'twin',
      inflict: () =>
        cluster.apply({
          apiVersion: WhatsAppDeploymentKind.apiVersion,
          kind: WhatsAppDeploymentKind.kind,
          metadata: { name: 'twin', namespace: 'default' },
          spec: { phoneNumber: `+${number}`, topology: 'Single' },
        }),
      cure: () => kubectl('delete', 'wad', 'twin'),
      found: [['spec', 'failed', 'SpecValid is False, NumberInUse']],
    },
    {
      what: 'the stack is paused, and somebody deleted the Service of the Webapps',
      inflict: async () => {
        await pause();
        await kubectl('delete', 'service', 'one-webapp');
      },
      cure: resume,
      found: [
        ['rest', 'warning', 'spec.paused is true'],
        ['service', 'failed', 'Service one-webapp does not exist'],
      ],
    },
    {
      what: 'the database is scaled to nothing',
      inflict: async () => {
        await pause();
        await kubectl('scale', 'statefulset', 'one-database', '--replicas=0');
      },
      cure: resume,
      found: [['pods', 'failed', '0 of 1 database pods exist']],
    },
    {
      what: 'the owner of the shard is gone',
      inflict: async () => {
        await pause();
        await kubectl('scale', 'statefulset', 'one-coreapp-0', '--replicas=0');
      },
      cure: resume,
      found: [['shards', 'failed', 'shard 0 belongs to one-coreapp-0-0, which does not exist']],
    },
    {
      what: 'a Secret of the stack is lost',
      inflict: async () => {
        secret = await cluster.client.get<KubeObject>(kinds.Secret, 'default', 'one-keys', never);
        await kubectl('delete', 'secret', 'one-keys');
      },
      cure: async () => {
        if (!secret) return;
        const { uid: _, resourceVersion: __, ...metadata } = secret.metadata;
        await cluster.client.create({ ...secret, metadata }, { fieldManager: 'test' }, never);
      },
      found: [['database', 'failed', 'SecretLost']],
    },
    {
      what: 'no node takes the Webapps',
      inflict: spec({ nodes: { webapp: { podTemplate: { nodeSelector: { disk: 'gold' } } } } }),
      cure: spec({ nodes: null }),
      found: [['pods', 'failed', 'no node takes it']],
    },
    {
      what: 'the image of the Webapps does not exist',
      inflict: spec({ images: { webapp: 'registry.invalid/web:1' } }),
      cure: spec({ images: null }),
      found: [['pods', 'failed', 'registry.invalid/web:1']],
    },
    {
      what: 'a Coreapp was killed',
      inflict: () =>
        eventually(() => {
          const own = clusterProcesses(cluster.cluster).filter(({ pod }) => pod === 'one-coreapp-0-0');
          return killProcesses(own) > 0;
        }),
      // What happened stays in the status of the pod for an hour; another pod has no past.
      cure: () => kubectl('delete', 'pod', 'one-coreapp-0-0'),
      found: [['restarts', 'warning', 'Pod one-coreapp-0-0: container coreapp ended with']],
    },
    {
      what: 'the webhook receiver accepts no connection',
      inflict: spec({ webhook: { url: 'https://127.0.0.1:9/hook' } }),
      cure: spec({ webhook: goodWebhook }),
      found: [['webhook', 'failed', 'ConnectFailed']],
    },
    {
      what: 'the name of the webhook receiver has no address',
      inflict: spec({ webhook: { url: 'https://hooks.nowhere.invalid/hook' } }),
      cure: spec({ webhook: goodWebhook }),
      found: [
        ['webhook', 'failed', 'DnsFailed'],
        ['dns', 'failed', 'the name hooks.nowhere.invalid has no address'],
      ],
    },
    {
      what: 'the certificate of the webhook receiver expires soon',
      inflict: spec({ webhook: { url: shortLived.url, caSecretRef: { name: 'short-ca' } } }),
      cure: spec({ webhook: goodWebhook }),
      found: [['webhook-certificate', 'warning', 'expires in 4 days']],
    },
    {
      what: 'the webhook receiver refuses callbacks, which pile up',
      inflict: async () => {
        receiver.refuse(true);
        for (let sent = 0; sent < 1_010; sent += 10)
          await Promise.all(
            Array.from({ length: 10 }, () =>
              cluster.simulation(`/numbers/${number}/messages`, 'POST', { from: '16505550011', text: 'Hi' }),
            ),
          );
      },
      cure: async () => receiver.refuse(false),
      found: [['callbacks', 'warning', 'callbacks wait for the receiver']],
    },
    {
      what: 'the stack refuses a setting',
      inflict: async () => {
        const fault = {
          method: 'PATCH',
          path: '/v1/settings/profile/about',
          webapp: 'one-webapp-*',
          code: 1014,
        };
        await cluster.simulation('/api-faults', 'PUT', [fault]);
        await cluster.spec('one', { profile: { about: 'Open' } });
      },
      cure: async () => {
        await cluster.simulation('/api-faults', 'PUT', []);
        await cluster.spec('one', { profile: null });
      },
      found: [['settings', 'failed', '1014']],
    },
    {
      what: 'the cluster lacks the kinds of the Gateway API that exposure needs',
      inflict: spec({
        exposure: { httpRoute: { parents: [{ name: 'public' }], hostnames: ['wa.example.org'] } },
      }),
      cure: spec({ exposure: null }),
      found: [['exposure', 'failed', 'HTTPRoute']],
    },
    {
      what: 'the certificate of the Webapps expires soon',
      inflict: spec({ tls: { secretRef: { name: 'short-tls' } } }),
      // Without `tls` the Webapps would go on with the certificate that they have.
      cure: spec({ tls: { secretRef: null, selfSigned: {} } }),
      found: [
        ['certificates', 'warning', 'expires in 4 days'],
        ['served-certificate', 'warning', 'expires in 4 days'],
      ],
    },
    {
      what: 'the stack hibernates',
      inflict: spec({ hibernated: true }),
      cure: spec({ hibernated: null }),
      found: [['rest', 'warning', 'spec.hibernated is true']],
    },
  ];
}

const nodeName = async (cluster: OperatorCluster): Promise<string> => {
  const { items } = await cluster.client.list(kinds.Node, {}, never);
  return items[0]?.metadata.name ?? '';
};
