import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';

/** What a throughput needs. Source: docs/onprem/deployment.md §6.2, the more careful of the tables for each step. */
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

/** Requests of a node under load, as users measured it. Source: docs/onprem/deployment.md §3.3. */
export const LOADED = {
  webapp: { requests: { cpu: '850m', memory: '400Mi' } },
  coreapp: { requests: { cpu: '900m', memory: '600Mi' } },
} as const;

/** The smallest step that is enough; the greatest where none is. */
export const capacityFor = (messagesPerSecond: number): Capacity =>
  STEPS.find((step) => step.messagesPerSecond >= messagesPerSecond) ?? (STEPS.at(-1) as Capacity);

/** Shards and spare Coreapps that a resource asks for, in whichever way. */
export function wantedShards({ spec }: Pick<WhatsAppDeployment, 'spec'>): {
  shards: number;
  standbys: number;
} {
  if (spec.capacity) return { shards: capacityFor(spec.capacity.messagesPerSecond).shards, standbys: 1 };
  return { shards: spec.multiconnect?.shards ?? 1, standbys: spec.multiconnect?.standbys ?? 1 };
}
