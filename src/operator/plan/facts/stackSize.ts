import { quantityOf } from '../../resource/quantity.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { DEFAULT_RESOURCES, LOADED, rateOf } from './capacity.ts';
import { connectionsNeeded, counts } from './stackSettings.ts';

/** How large the nodes of a stack are together, without the database. With autoscaling, at its least. */
export interface StackSize {
  /** The largest rate for which the vendor's tables choose these numbers; undefined if they do not list them. */
  readonly messagesPerSecond: number | undefined;
  readonly shards: number;
  readonly coreapps: number;
  readonly masters: number;
  readonly webapps: number;
  /** Of all nodes. */
  readonly requests: { readonly cpuCores: number; readonly memoryBytes: number };
  /** Connections to the database that all nodes need together, with as many Webapps as autoscaling may make. */
  readonly connections: number;
}

type Role = 'webapp' | 'master' | 'coreapp';

export function stackSize(resource: WhatsAppDeployment): StackSize {
  const { spec } = resource;
  const { webapps, masters, coreapps, shards } = counts(resource);
  const requestsOf = (role: Role) => {
    const own = spec.nodes?.[role]?.resources;
    if (own) return { ...own.limits, ...own.requests };
    return spec.capacity && role !== 'master' ? LOADED[role].requests : DEFAULT_RESOURCES.node.requests;
  };
  const total = (part: 'cpu' | 'memory') =>
    Object.entries({ webapp: webapps, master: masters, coreapp: coreapps }).reduce(
      (sum, [role, count]) => sum + count * (quantityOf(requestsOf(role as Role)[part] ?? 0) ?? 0),
      0,
    );
  return {
    messagesPerSecond: rateOf({ shards, webapps }),
    shards,
    coreapps,
    masters,
    webapps,
    requests: { cpuCores: Math.round(total('cpu') * 1000) / 1000, memoryBytes: total('memory') },
    connections: connectionsNeeded(resource),
  };
}
