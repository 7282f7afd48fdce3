import { GATEWAY_PORTS } from '../../../cloud/gatewayStatus.ts';
import { WEB_PORT } from '../../../onprem/environment.ts';
import { managedEngines } from '../../resource/managedEngines.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { BACKUP_LABEL } from '../facts/backups.ts';
import { type Component, labels, MANAGED_BY, memberLabels, NODES, names } from '../facts/names.ts';
import { RESTORE_LABEL } from '../facts/restore.ts';
import { type Child, child } from './child.ts';
import { egressRules, gatewayEgressRules } from './egressRules.ts';
import { NODE_PORT_RANGE, namespaceNamed, podsOf, tcp } from './peers.ts';

/**
 * The NetworkPolicies of a stack. They add to those of others, so a user opens more with one of their own. See
 * docs/decisions/0052-who-may-connect.md.
 */

/** The Jobs of backups bear the name of their backup alone. */
const JOBS_OF_BACKUPS = {
  podSelector: {
    matchLabels: { ...MANAGED_BY },
    matchExpressions: [{ key: BACKUP_LABEL, operator: 'Exists' }],
  },
};

/** @param operatorNamespace where the operator runs; unknown to an observer who is not the operator */
export function networkPolicies(resource: WhatsAppDeployment, operatorNamespace?: string): Child[] {
  const { networkPolicy = {} } = resource.spec;
  if (networkPolicy.enabled === false) return [];
  return [
    ...databasePolicy(resource),
    ...nodePolicy(resource),
    ...webappPolicy(resource, operatorNamespace),
    ...gatewayPolicy(resource, operatorNamespace),
    ...egressPolicies(resource),
  ];
}

/** The operator does not know who connects to which port of a sidecar. */
const isKnown = (
  { spec }: WhatsAppDeployment,
  ...roles: readonly (
    | { readonly podTemplate?: { readonly sidecars?: readonly unknown[] | undefined } | undefined }
    | undefined
  )[]
): boolean =>
  spec.networkPolicy?.enabled === true || roles.every((role) => !role?.podTemplate?.sidecars?.length);

const policy = (
  resource: WhatsAppDeployment,
  component: Component,
  name: string,
  spec: Readonly<Record<string, unknown>>,
): Child =>
  child(resource, {
    component,
    identity: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', name },
    inputs: { policy: spec },
    render: (inputs) => ({ spec: inputs.policy }),
  });

function databasePolicy(resource: WhatsAppDeployment): Child[] {
  const { managed } = resource.spec.database;
  if (!managed || !isKnown(resource, managed)) return [];
  const { name } = resource.metadata;
  return [
    policy(resource, 'database', names(name).networkPolicy('database'), {
      podSelector: { matchLabels: memberLabels(name, 'database') },
      policyTypes: ['Ingress'],
      ingress: [
        {
          ports: [tcp(managedEngines[managed.engine].port)],
          from: [
            { podSelector: { matchLabels: { [labels.instance]: name, ...MANAGED_BY } } },
            JOBS_OF_BACKUPS,
            { podSelector: { matchLabels: { ...MANAGED_BY, [RESTORE_LABEL]: name } } },
          ],
        },
      ],
    }),
  ];
}

function nodePolicy(resource: WhatsAppDeployment): Child[] {
  const { nodes } = resource.spec;
  if (!isKnown(resource, nodes?.master, nodes?.coreapp)) return [];
  const { name } = resource.metadata;
  return [
    policy(resource, 'coreapp', names(name).networkPolicy('node'), {
      podSelector: podsOf(name, ['master', 'coreapp']),
      policyTypes: ['Ingress'],
      ingress: [{ ports: [NODE_PORT_RANGE], from: [{ podSelector: podsOf(name, NODES) }] }],
    }),
  ];
}

/** Everybody may be a client of the API unless the user names the clients. */
function webappPolicy(resource: WhatsAppDeployment, operatorNamespace: string | undefined): Child[] {
  const { networkPolicy, exposure } = resource.spec;
  const { allowFrom } = networkPolicy ?? {};
  if (!allowFrom && networkPolicy?.enabled !== true) return [];
  const { name, namespace } = resource.metadata;
  const { parents = [] } = exposure?.httpRoute ?? exposure?.tlsRoute ?? {};
  const gateways = parents.map((parent) => parent.namespace ?? namespace);
  const namespaces = [...new Set([operatorNamespace, ...gateways].filter((one) => one !== undefined))];
  const from = allowFrom && [
    { podSelector: podsOf(name, NODES) },
    JOBS_OF_BACKUPS,
    ...namespaces.map(namespaceNamed),
    ...allowFrom,
  ];
  return [
    policy(resource, 'webapp', names(name).networkPolicy('webapp'), {
      podSelector: { matchLabels: memberLabels(name, 'webapp') },
      policyTypes: ['Ingress'],
      ingress: [{ ports: [tcp(WEB_PORT)], ...(from ? { from } : {}) }],
    }),
  ];
}

/**
 * The nodes of the stack have their sessions here, and the Gateways of the route bring webhooks. Who connects for an Ingress,
 * or for a proxy of the user, the operator does not know: webhooks are signed. The control port is for the operator alone, and
 * for whom the user names, such as Prometheus.
 */
function gatewayPolicy(resource: WhatsAppDeployment, operatorNamespace: string | undefined): Child[] {
  const { cloud, networkPolicy } = resource.spec;
  if (!cloud || !isKnown(resource, cloud.gateway)) return [];
  const { name, namespace } = resource.metadata;
  const parents = cloud.webhook?.httpRoute?.parents;
  const gateways = [...new Set(parents?.map((parent) => parent.namespace ?? namespace))];
  const control = [
    ...(operatorNamespace === undefined ? [] : [namespaceNamed(operatorNamespace)]),
    ...(networkPolicy?.allowFrom ?? []),
  ];
  return [
    policy(resource, 'gateway', names(name).networkPolicy('gateway'), {
      podSelector: { matchLabels: memberLabels(name, 'gateway') },
      policyTypes: ['Ingress'],
      ingress: [
        { ports: [tcp(GATEWAY_PORTS.sessions)], from: [{ podSelector: podsOf(name, NODES) }] },
        {
          ports: [tcp(GATEWAY_PORTS.webhook)],
          ...(parents ? { from: gateways.map(namespaceNamed) } : {}),
        },
        // An empty list of peers would be everybody.
        ...(control.length > 0 ? [{ ports: [tcp(GATEWAY_PORTS.control)], from: control }] : []),
      ],
    }),
  ];
}

function egressPolicies(resource: WhatsAppDeployment): Child[] {
  if (!resource.spec.networkPolicy?.egress) return [];
  const { name } = resource.metadata;
  const of = names(name);
  return [
    policy(resource, 'webapp', of.egressPolicy, {
      podSelector: podsOf(name, NODES),
      policyTypes: ['Egress'],
      egress: egressRules(resource),
    }),
    ...(resource.spec.cloud
      ? [
          policy(resource, 'gateway', of.gatewayEgressPolicy, {
            podSelector: { matchLabels: memberLabels(name, 'gateway') },
            policyTypes: ['Egress'],
            egress: gatewayEgressRules(resource),
          }),
        ]
      : []),
  ];
}
