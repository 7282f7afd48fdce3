import { splitNodeKey } from '../../../onprem/health.ts';
import type { Observation } from './observed.ts';
import { counts } from './stackSettings.ts';

/** The pod of the connected owner, by shard. */
export function servedShards({
  resource,
  api,
}: Pick<Observation, 'resource' | 'api'>): Record<string, string> {
  const connected = Object.entries(api?.health ?? {}).filter(
    ([, { gateway_status, role }]) => gateway_status === 'connected' && role !== 'primary_master',
  );
  // With one shard, the connected node is its owner. With more, the support info says which shards a node owns.
  if (counts(resource).shards === 1) return connected[0] ? { 0: connected[0][0] } : {};
  return Object.fromEntries(
    connected.flatMap(([pod]) =>
      (api?.support[pod]?.shards ?? []).flatMap(([from]) => (from >= 0 ? [[String(from), pod]] : [])),
    ),
  );
}

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
