import { NODE_PORTS, WEB_PORT } from '../../../onprem/environment.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { type Component, labels, MANAGED_BY, memberLabels, names } from '../facts/names.ts';
import { DEFAULTS, isCluster } from '../facts/stackSettings.ts';
import { type Child, child } from './child.ts';

/** The objects around the pods of a stack: ServiceAccount, Services, PodDisruptionBudgets and media claim. */

const NODE_PORT_LIST = Object.values(NODE_PORTS).map((port) => ({
  name: `wa-${port}`,
  port,
  targetPort: port,
}));

export const service = (
  resource: WhatsAppDeployment,
  component: Component,
  name: string,
  spec: Readonly<Record<string, unknown>>,
  annotations?: Readonly<Record<string, string>>,
): Child =>
  child(resource, {
    component,
    identity: { apiVersion: 'v1', kind: 'Service', name },
    inputs: { selector: memberLabels(resource.metadata.name, component), service: spec },
    annotations,
    render: ({ selector, service }) => ({ spec: { selector, ...service } }),
  });

export interface ClaimOptions {
  readonly size: string | number;
  readonly storageClassName?: string | undefined;
  readonly accessMode?: string;
}

export const claimSpec = ({ size, storageClassName, accessMode = 'ReadWriteOnce' }: ClaimOptions) => ({
  accessModes: [accessMode],
  resources: { requests: { storage: String(size) } },
  ...(storageClassName ? { storageClassName } : {}),
});

export const claim = (
  resource: WhatsAppDeployment,
  component: Component,
  name: string,
  storage: ClaimOptions,
): Child =>
  child(resource, {
    component,
    identity: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name },
    retained: true,
    inputs: { storage },
    render: (inputs) => ({ spec: claimSpec(inputs.storage) }),
  });

export const serviceAccount = (resource: WhatsAppDeployment): Child =>
  child(resource, {
    component: 'secrets',
    identity: {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      name: names(resource.metadata.name).serviceAccount,
    },
    inputs: {},
    render: () => ({ automountServiceAccountToken: false }),
  });

export function services(resource: WhatsAppDeployment): Child[] {
  const { name } = resource.metadata;
  const of = names(name);
  const { type = 'ClusterIP', annotations, ports } = resource.spec.service ?? {};
  const https = { name: 'https', port: ports?.https ?? WEB_PORT, targetPort: 'https' };
  return [
    service(resource, 'webapp', of.webapp, { type, ports: [https] }, annotations),
    // Only because StatefulSets require a Service; nodes find each other by address.
    service(resource, 'coreapp', of.nodesService, {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: { [labels.instance]: name, ...MANAGED_BY },
      ports: NODE_PORT_LIST,
    }),
    ...(isCluster(resource)
      ? []
      : [service(resource, 'coreapp', of.coreappService, { ports: NODE_PORT_LIST })]),
  ];
}

/** A drain evicts at most one node of a role at a time, which the standbys can cover. */
export const disruptionBudgets = (resource: WhatsAppDeployment): Child[] =>
  (isCluster(resource) ? (['webapp', 'master', 'coreapp'] as const) : []).map((component) =>
    child(resource, {
      component,
      identity: {
        apiVersion: 'policy/v1',
        kind: 'PodDisruptionBudget',
        name: names(resource.metadata.name).disruptionBudget(component),
      },
      inputs: { selector: memberLabels(resource.metadata.name, component) },
      render: ({ selector }) => ({
        spec: {
          maxUnavailable: 1,
          // A pod that is not ready serves nobody; without this, a pod that keeps crashing blocks drains for ever.
          unhealthyPodEvictionPolicy: 'AlwaysAllow',
          selector: { matchLabels: selector },
        },
      }),
    }),
  );

export function mediaClaim(resource: WhatsAppDeployment): Child[] {
  const { media } = resource.spec;
  if (media?.claimName) return [];
  const storage = media?.storage ?? { size: DEFAULTS.mediaSize, accessMode: 'ReadWriteMany' };
  return [claim(resource, 'media', names(resource.metadata.name).mediaClaim, storage)];
}
