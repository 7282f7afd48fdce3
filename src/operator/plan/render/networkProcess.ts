import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { labels, NETWORK, stackLabels } from '../facts/names.ts';
import { type Child, makeChild, ownerReference } from './child.ts';
import type { Inputs } from './fingerprint.ts';
import { podTemplate } from './podTemplate.ts';
import { claimSpec } from './surroundings.ts';

const DATA_FOLDER = '/var/lib/waba-network';
const SELECTOR = { [labels.component]: 'network', [labels.instance]: NETWORK.name };

interface NetworkInputs extends Inputs {
  readonly spec: { readonly imagePullSecrets: WhatsAppDeployment['spec']['imagePullSecrets'] };
}

/** The Emulator stacks of a namespace that share its network process. */
export const networkUsers = (stacks: readonly WhatsAppDeployment[]): WhatsAppDeployment[] =>
  stacks
    .filter(({ spec }) => spec.stack === 'Emulator' && !spec.emulator?.network?.url)
    .sort((a, b) => a.metadata.uid.localeCompare(b.metadata.uid));

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
      identity: identity('apps/v1', 'Deployment'),
      restarts: true,
      inputs: { spec: { imagePullSecrets: pullSecretsOf(users) } },
      release: image,
      render,
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
    selector: SELECTOR,
    ports: [
      { name: 'sessions', port: NETWORK.port, targetPort: 'sessions' },
      { name: 'control', port: NETWORK.controlPort, targetPort: 'control' },
    ],
  },
});

function render({ spec }: NetworkInputs, image: string) {
  const template = podTemplate({
    stack: NETWORK.name,
    component: 'network',
    imagePullSecrets: spec.imagePullSecrets,
    serviceAccountName: 'default',
    container: {
      image,
      command: ['/usr/local/bin/waba-emulator', 'network'],
      args: [`--data=${DATA_FOLDER}`, `--port=${NETWORK.port}`, `--control-port=${NETWORK.controlPort}`],
      env: [],
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
