import { NODE_PORT_NAMES, NODE_PORTS } from '../../../onprem/environment.ts';
import { LOADED } from '../facts/capacity.ts';
import { annotations, labels, names, selectorLabels } from '../facts/names.ts';
import type { PinnedRelease } from '../facts/release.ts';
import { counts } from '../facts/stackSettings.ts';
import { type Child, child } from './child.ts';
import { commonPod, imageOf, nodeVolumes, RETRY_SECONDS, startCommand } from './nodeContainer.ts';
import { type NodeInputs, nodeInputs, type StackPods } from './nodeInputs.ts';
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
  const { resource, release } = pods;
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
    release,
    render,
  });
}

function render(inputs: SlotInputs, release: PinnedRelease) {
  const { metadata, spec, secrets, restarts, role, index } = inputs;
  const { volumes, volumeMounts } = nodeVolumes(inputs);
  const slotLabel = { [labels.slot]: String(index) };
  const template = podTemplate({
    ...commonPod(inputs),
    component: role,
    labels: { [labels.topology]: spec.topology, ...slotLabel },
    annotations: { [annotations.secrets]: secrets, [annotations.restarts]: String(restarts) },
    resources: spec.nodes?.resources ?? (role === 'coreapp' && spec.capacity ? LOADED.coreapp : undefined),
    overrides: spec.nodes?.podTemplate,
    spread: true,
    container: {
      image: imageOf(inputs, release, 'coreapp'),
      command: startCommand(inputs),
      env: nodeVariables(inputs, role),
      ports: NODE_PORT_NAMES.map((name) => ({ name, containerPort: NODE_PORTS[name] })),
      volumeMounts,
      // A node that creates its schema answers late; ten minutes is the shortest advised timeout.
      startupProbe: {
        tcpSocket: { port: 'healthcheck' },
        periodSeconds: RETRY_SECONDS,
        failureThreshold: 300,
      },
      readinessProbe: { tcpSocket: { port: 'control' }, periodSeconds: 5 },
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
