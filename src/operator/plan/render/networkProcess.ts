import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { DEFAULT_RESOURCES } from '../facts/capacity.ts';
import { labels, MANAGED_BY, NETWORK, stackLabels } from '../facts/names.ts';
import { firstTraced, firstWith, networkUsers } from '../facts/networkUsers.ts';
import { type Additions, type Child, makeChild, ownerReference } from './child.ts';
import type { Inputs } from './fingerprint.ts';
import { podTemplate } from './podTemplate.ts';
import { claimSpec } from './surroundings.ts';
import { type Tracing, tracingVariables } from './tracingVariables.ts';

const DATA_FOLDER = '/var/lib/waba-network';
const CONTROL_TOKEN = { valueFrom: { secretKeyRef: { name: NETWORK.controlSecret, key: 'token' } } };
const SELECTOR = { [labels.component]: 'network', [labels.instance]: NETWORK.name };

type Options = NonNullable<NonNullable<WhatsAppDeployment['spec']['emulator']>['network']>;

interface NetworkInputs extends Inputs {
  readonly spec: {
    readonly imagePullSecrets: WhatsAppDeployment['spec']['imagePullSecrets'];
    readonly resources: Options['resources'];
    readonly podTemplate: Options['podTemplate'];
    readonly tracing: Tracing | undefined;
  };
}

/**
 * One network process serves all Emulator stacks of a namespace, and is deleted with the last of them. Every stack plans
 * it, so its inputs are computed from all stacks and the result is the same.
 */
export function networkProcess(
  resource: WhatsAppDeployment,
  stacks: readonly WhatsAppDeployment[],
  image: string,
): Child[] {
  const users = networkUsers(stacks);
  if (!users.some(({ metadata }) => metadata.uid === resource.metadata.uid)) return [];
  const common = {
    namespace: resource.metadata.namespace,
    labels: { ...stackLabels(NETWORK.name, 'network'), ...SELECTOR },
    // All stacks are owners and none is the controller: Kubernetes deletes it when all of them are gone.
    owners: users.map((user) => ownerReference(user, false)),
  };
  const identity = (apiVersion: string, kind: string) => ({ apiVersion, kind, name: NETWORK.name });
  return [
    makeChild({
      ...common,
      // It stores which numbers are registered, so it is kept like the data of the stacks.
      owners: [],
      identity: identity('v1', 'PersistentVolumeClaim'),
      inputs: {},
      render: () => ({ spec: claimSpec({ size: '1Gi' }) }),
    }),
    makeChild({ ...common, identity: identity('v1', 'Service'), inputs: {}, render: renderService }),
    makeChild({
      ...common,
      identity: identity('networking.k8s.io/v1', 'NetworkPolicy'),
      inputs: {},
      render: renderPolicy,
    }),
    makeChild({
      ...common,
      identity: identity('apps/v1', 'Deployment'),
      restarts: true,
      inputs: {
        spec: {
          imagePullSecrets: pullSecretsOf(users),
          resources: firstWith(users, 'resources')?.value,
          podTemplate: firstWith(users, 'podTemplate')?.value,
          tracing: firstTraced(users)?.spec.emulator?.tracing,
        },
      },
      release: image,
      render,
      additions: { resources: DEFAULT_RESOURCES.other },
    }),
  ];
}

/** The pull secrets of all stacks, sorted, so that every stack plans the same list. */
function pullSecretsOf(users: readonly WhatsAppDeployment[]): NetworkInputs['spec']['imagePullSecrets'] {
  const named = [
    ...new Set(users.flatMap(({ spec }) => (spec.imagePullSecrets ?? []).map(({ name }) => name))),
  ];
  return named.length === 0 ? undefined : named.sort().map((name) => ({ name }));
}

const renderService = () => ({
  spec: {
    selector: { ...SELECTOR, ...MANAGED_BY },
    ports: [
      { name: 'sessions', port: NETWORK.port, targetPort: 'sessions' },
      { name: 'control', port: NETWORK.controlPort, targetPort: 'control' },
    ],
  },
});

/** Stacks of other namespaces may have their sessions here; acting as a customer is for the own namespace. */
const renderPolicy = () => ({
  spec: {
    podSelector: { matchLabels: { ...SELECTOR, ...MANAGED_BY } },
    policyTypes: ['Ingress'],
    ingress: [
      { ports: [{ port: 'sessions', protocol: 'TCP' }] },
      { ports: [{ port: 'control', protocol: 'TCP' }], from: [{ podSelector: {} }] },
    ],
  },
});

function render({ spec }: NetworkInputs, image: string, { resources: defaults }: Additions) {
  const template = podTemplate({
    stack: NETWORK.name,
    component: 'network',
    imagePullSecrets: spec.imagePullSecrets,
    resources: spec.resources ?? defaults,
    overrides: spec.podTemplate,
    serviceAccountName: 'default',
    container: {
      image,
      command: ['/usr/local/bin/waba-emulator', 'network'],
      args: [`--data=${DATA_FOLDER}`, `--port=${NETWORK.port}`, `--control-port=${NETWORK.controlPort}`],
      env: [{ name: 'WABA_CONTROL_TOKEN', ...CONTROL_TOKEN }, ...tracingVariables(spec.tracing)],
      ports: [
        { name: 'sessions', containerPort: NETWORK.port },
        { name: 'control', containerPort: NETWORK.controlPort },
      ],
      volumeMounts: [{ name: 'data', mountPath: DATA_FOLDER }],
      readinessProbe: { httpGet: { path: '/healthz', port: 'control' }, periodSeconds: 2 },
    },
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: NETWORK.name } }],
  });
  return {
    // Two processes at once would both write the same files.
    spec: { replicas: 1, strategy: { type: 'Recreate' }, selector: { matchLabels: SELECTOR }, template },
  };
}
