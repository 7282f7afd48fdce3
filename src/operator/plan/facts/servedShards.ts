import { splitNodeKey } from '../../../onprem/health.ts';
import type { Observation } from './observed.ts';
import { counts } from './stackSettings.ts';

type Seen = Pick<Observation, 'resource' | 'api'>;

/** How many shards the number has now; the declared number while the stack does not report it. */
const currentShards = ({ resource, api }: Seen): number => api?.shards ?? counts(resource).shards;

/**
 * How many shards must be served before a pod may restart. While the stack does not report it, the number may still have as
 * many as before a change of the declared number.
 */
export const shardsToServe = ({ resource, api }: Seen): number =>
  api?.shards ?? Math.max(counts(resource).shards, api?.lastShards ?? 0);

/** The pod of the connected owner, by shard. */
export function servedShards(seen: Seen): Record<string, string> {
  const connected = Object.entries(seen.api?.health ?? {}).flatMap(([pod, { gateway_status, role }]) =>
    gateway_status === 'connected' && role !== 'primary_master' ? [pod] : [],
  );
  // With one shard, the connected node is its owner. With more, the support info says which shards a node owns.
  if (currentShards(seen) === 1) return connected[0] ? { 0: connected[0] } : {};
  return Object.fromEntries(
    connected.flatMap((pod) => reportedShards(seen, pod).map((shard) => [String(shard), pod])),
  );
}

/** The shards of a pod: those that its support info reports, or the only one if it is connected. */
export function ownedShards(seen: Seen, pod: string): number[] {
  const reported = reportedShards(seen, pod);
  const isConnected = seen.api?.health[pod]?.gateway_status === 'connected';
  return reported.length === 0 && isConnected && currentShards(seen) === 1 ? [0] : reported;
}

const reportedShards = ({ api }: Seen, pod: string): number[] =>
  (api?.support[pod]?.shards ?? []).flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index).filter((shard) => shard >= 0),
  );

/** Answers of the API by pod name. The API's keys are `<address>:<pod>`, and empty in a Single stack. */
export function byPod<T>(
  nodes: Readonly<Record<string, T>>,
  singlePod: string | undefined,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(nodes).map(([key, node]) => [
      key === '' ? (singlePod ?? '') : splitNodeKey(key).container,
      node,
    ]),
  );
}
