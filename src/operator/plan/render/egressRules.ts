import { GATEWAY_PORTS } from '../../../cloud/gatewayStatus.ts';
import { managedEngines } from '../../resource/managedEngines.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { memberLabels, NETWORK, NODES, sharesNetwork } from '../facts/names.ts';
import { databaseAddress } from '../facts/stackSettings.ts';
import { NODE_PORT_RANGE, namespaceNamed, podsOf, tcp } from './peers.ts';

/** What the nodes of a stack connect to. */

type Rule = Readonly<Record<string, unknown>>;

/** 53 is the port of the Service; some DNS pods listen on 5353, and policies apply to the port of the pod. */
const DNS: Rule = {
  ports: [53, 5353].flatMap((port) => ['UDP', 'TCP'].map((protocol) => ({ protocol, port }))),
};

/**
 * The servers of WhatsApp, links to media and most receivers have names, and addresses that change: NetworkPolicies know
 * addresses only. What must not be reached is private.
 */
const PUBLIC: Rule = {
  to: [
    {
      ipBlock: {
        cidr: '0.0.0.0/0',
        except: [
          '10.0.0.0/8',
          '100.64.0.0/10',
          '127.0.0.0/8',
          '169.254.0.0/16',
          '172.16.0.0/12',
          '192.168.0.0/16',
        ],
      },
    },
    { ipBlock: { cidr: '::/0', except: ['fc00::/7', 'fe80::/10'] } },
  ],
};

const rulesFor = (namespace: string, ...hosts: readonly (URL | undefined)[]): Rule[] =>
  hosts.flatMap((url) => (url ? ruleFor(url, namespace) : []));

/** The Cloud API and the servers of its media have public addresses. */
export function gatewayEgressRules({ metadata, spec }: WhatsAppDeployment): Rule[] {
  const { cloud, emulator, networkPolicy } = spec;
  return [
    DNS,
    ...rulesFor(metadata.namespace, parse(cloud?.graphUrl), parse(emulator?.tracing?.endpoint)),
    PUBLIC,
    ...(networkPolicy?.egress ?? []),
  ];
}

export function egressRules(resource: WhatsAppDeployment): Rule[] {
  const { name, namespace } = resource.metadata;
  const { database, emulator, webhook, cloud, networkPolicy } = resource.spec;
  return [
    DNS,
    { ports: [NODE_PORT_RANGE], to: [{ podSelector: podsOf(name, NODES) }] },
    database.managed
      ? {
          ports: [tcp(managedEngines[database.managed.engine].port)],
          to: [{ podSelector: { matchLabels: memberLabels(name, 'database') } }],
        }
      : undefined,
    sharesNetwork(resource.spec)
      ? {
          ports: [tcp(NETWORK.port)],
          to: [{ podSelector: { matchLabels: memberLabels(NETWORK.name, 'network') } }],
        }
      : undefined,
    cloud
      ? {
          ports: [tcp(GATEWAY_PORTS.sessions)],
          to: [{ podSelector: { matchLabels: memberLabels(name, 'gateway') } }],
        }
      : undefined,
    ...rulesFor(
      namespace,
      // A server of yours, or the Service of another operator's cluster.
      database.managed ? undefined : addressOf(databaseAddress(resource)),
      parse(emulator?.network?.url),
      parse(emulator?.tracing?.endpoint),
      parse(webhook?.url),
    ),
    PUBLIC,
    ...(networkPolicy?.egress ?? []),
  ].filter((rule) => rule !== undefined);
}

const addressOf = ({ host, port }: { readonly host: string; readonly port: number }) =>
  parse(`tcp://${host.includes(':') ? `[${host}]` : host}:${port}`);

const parse = (url: string | undefined): URL | undefined =>
  url !== undefined && URL.canParse(url) ? new URL(url) : undefined;

const IPV4 = /^[0-9]+(\.[0-9]+){3}$/;
const PORTS: Readonly<Record<string, number>> = { 'https:': 443, 'http:': 80 };

/**
 * The rule for an address or a Service. Any other name is that of a public address, or the user adds a rule. Of a Service
 * nobody knows the port of the pods here, so all ports of its namespace are open.
 */
function ruleFor({ protocol, hostname, port }: URL, namespace: string): Rule[] {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const isV6 = host.includes(':');
  if (isV6 || IPV4.test(host)) {
    const ports = [tcp(port ? Number(port) : (PORTS[protocol] ?? 443))];
    return [{ ports, to: [{ ipBlock: { cidr: `${host}/${isV6 ? 128 : 32}` } }] }];
  }
  const [service, other] = /^([^.]+)(?:\.([^.]+)\.svc(?:\..*)?)?$/.exec(host)?.slice(1) ?? [];
  return service === undefined ? [] : [{ to: [namespaceNamed(other ?? namespace)] }];
}
