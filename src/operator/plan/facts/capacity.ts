import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';

/** Shards and nodes for a throughput. Source: docs/onprem/deployment.md §6.2; where its tables differ, the more conservative value. */
export interface Capacity {
  readonly messagesPerSecond: number;
  readonly shards: number;
  readonly webapps: number;
}

const STEPS: readonly Capacity[] = [
  { messagesPerSecond: 10, shards: 2, webapps: 2 },
  { messagesPerSecond: 20, shards: 4, webapps: 2 },
  { messagesPerSecond: 40, shards: 8, webapps: 2 },
  { messagesPerSecond: 80, shards: 16, webapps: 2 },
  { messagesPerSecond: 200, shards: 32, webapps: 2 },
  { messagesPerSecond: 250, shards: 32, webapps: 3 },
];

/** Resource requests of a node under load, as users measured it. Source: docs/onprem/deployment.md §3.3. */
export const LOADED = {
  webapp: { requests: { cpu: '850m', memory: '400Mi' } },
  coreapp: { requests: { cpu: '900m', memory: '600Mi' } },
} as const;

/**
 * Requests of a container without any of its own, so that the scheduler and a ResourceQuota count its pod. The vendor's own
 * sample requests these for its containers. Source: docs/onprem/deployment.md §3.3, SCRIPTS-K8S.
 */
export const DEFAULT_RESOURCES = {
  node: { requests: { cpu: '150m', memory: '128Mi' } },
  /** Our own choice for what the vendor does not ship: the database, and the network process of the emulator. */
  other: { requests: { cpu: '50m', memory: '128Mi' } },
} as const;

/** The smallest step that suffices, or the largest step if none does. */
export const capacityFor = (messagesPerSecond: number): Capacity =>
  STEPS.find((step) => step.messagesPerSecond >= messagesPerSecond) ?? (STEPS.at(-1) as Capacity);

/** The largest rate for which the vendor's tables choose these numbers; undefined for one shard, which they do not list. */
export const rateOf = (size: { readonly shards: number; readonly webapps: number }): number | undefined =>
  STEPS.findLast(({ shards, webapps }) => shards === size.shards && webapps <= size.webapps)
    ?.messagesPerSecond;

/** Shards and standby Coreapps, from `spec.multiconnect` or `spec.capacity`. */
export function wantedShards({ spec }: Pick<WhatsAppDeployment, 'spec'>): {
  shards: number;
  standbys: number;
} {
  if (spec.capacity) return { shards: capacityFor(spec.capacity.messagesPerSecond).shards, standbys: 1 };
  return { shards: spec.multiconnect?.shards ?? 1, standbys: spec.multiconnect?.standbys ?? 1 };
}
