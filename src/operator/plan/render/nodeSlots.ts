import { NODE_PORT_NAMES, NODE_PORTS } from '../../../onprem/environment.ts';
import { DEFAULT_RESOURCES, LOADED } from '../facts/capacity.ts';
import { tlsMark } from '../facts/managedTls.ts';
import { annotations, labels, names, selectorLabels } from '../facts/names.ts';
import { counts } from '../facts/stackSettings.ts';
import { type Additions, type Child, child } from './child.ts';
import { commonPod, imageOf, nodeVolumes, SERVING, STARTING, startCommand } from './nodeContainer.ts';
import { type NodeInputs, nodeInputs, nodeRelease, type PodRelease, type StackPods } from './nodeInputs.ts';
import { podTemplate } from './podTemplate.ts';
import { nodeVariables } from './stackEnvironment.ts';

/** Masters and Coreapps. Each has a slot: a StatefulSet with one replica. */

interface SlotInputs extends NodeInputs {
  readonly role: 'master' | 'coreapp';
  readonly index: number;
}

export const masters = (pods: StackPods): Child[] =>
  Array.from({ length: counts(pods.resource).masters }, (_, index) => slot(pods, 'master', index));

export const coreapps = (pods: StackPods, indexes: readonly number[]): Child[] =>
  indexes.map((index) => slot(pods, 'coreapp', index));

function slot(pods: StackPods, role: 'master' | 'coreapp', index: number): Child {
  const { resource } = pods;
  return child(resource, {
    component: role,
    identity: {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      name: names(resource.metadata.name).slot(role, index),
    },
    labels: { [labels.topology]: resource.spec.topology },
    restarts: true,
    inputs: { ...nodeInputs(pods, role), role, index },
    release: nodeRelease(pods),
    render,
    additions: { resources: DEFAULT_RESOURCES.node, number: resource.spec.phoneNumber },
  });
}

function render(inputs: SlotInputs, release: PodRelease, additions: Additions) {
  const { metadata, spec, secrets, restarts, role, index } = inputs;
  const { volumes, volumeMounts } = nodeVolumes(inputs, release);
  const slotLabel = { [labels.slot]: String(index) };
  const template = podTemplate({
    ...commonPod(inputs),
    component: role,
    labels: { [labels.topology]: spec.topology, ...slotLabel },
    annotations: {
      [annotations.secrets]: secrets,
      [annotations.restarts]: String(restarts),
      ...tlsMark(release.databaseTls),
      ...(additions.number ? { [annotations.number]: additions.number } : {}),
    },
    resources:
      spec.nodes?.resources ?? (role === 'coreapp' && spec.capacity ? LOADED.coreapp : additions.resources),
    overrides: spec.nodes?.podTemplate,
    spread: true,
    container: {
      image: imageOf(inputs, release, 'coreapp'),
      command: startCommand(inputs),
      env: nodeVariables(inputs, release, role),
      ports: NODE_PORT_NAMES.map((name) => ({ name, containerPort: NODE_PORTS[name] })),
      volumeMounts,
      startupProbe: { tcpSocket: { port: 'healthcheck' }, ...STARTING },
      readinessProbe: { tcpSocket: { port: 'control' }, ...SERVING },
      livenessProbe: { tcpSocket: { port: 'healthcheck' }, periodSeconds: 10, failureThreshold: 3 },
    },
    volumes,
  });
  const matchLabels = { ...selectorLabels(metadata.name, role), ...slotLabel };
  return {
    spec: {
      serviceName: names(metadata.name).nodesService,
      replicas: 1,
      updateStrategy: { type: 'OnDelete' },
      selector: { matchLabels },
      template,
    },
  };
}
