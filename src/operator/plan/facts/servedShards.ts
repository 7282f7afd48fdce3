import { splitNodeKey } from '../../../onprem/health.ts';
import type { Observation } from './observed.ts';
import { counts } from './stackSettings.ts';

/** Shards with a connected owner, and which pod that is. */
export function servedShards({
  resource,
  api,
}: Pick<Observation, 'resource' | 'api'>): Record<string, string> {
  const connected = Object.entries(api?.health ?? {}).filter(
    ([, { gateway_status, role }]) => gateway_status === 'connected' && role !== 'primary_master',
  );
  // One shard has one owner, and that is who is connected; more are told apart by support.
  if (counts(resource).shards === 1) return connected[0] ? { 0: connected[0][0] } : {};
  return Object.fromEntries(
    connected.flatMap(([pod]) =>
      (api?.support[pod]?.shards ?? []).flatMap(([from]) => (from >= 0 ? [[String(from), pod]] : [])),
    ),
  );
}

/** Answers of the API under the names of pods; keys are `<address>:<pod>`, and none in a single instance. */
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
