import { isServing, type Observed, podsSeen } from '../facts/observed.ts';
import { looksRegistered } from '../facts/registered.ts';
import { ownedShards, servedShards, shardsToServe } from '../facts/servedShards.ts';
import { counts, isCluster } from '../facts/stackSettings.ts';
import type { Slot } from './nextRestart.ts';

/** An observation that is older says too little about the stack to risk a restart. */
export const FRESH_MS = 10_000;

/** Why no ready pod may restart, as far as the stack's API tells. */
export function apiObstacle(observed: Observed): string | undefined {
  const { resource, pods, api, nowMs } = observed;
  // Without a node that is ready, nothing is served that a restart could interrupt.
  if (!pods.some((pod) => isServing(pod, 'coreapp'))) return undefined;
  if (!api)
    return 'the API of the stack, which does not answer (spec.upgrade.strategy: Stop restarts all pods without it)';
  const ageMs = nowMs - api.atMs;
  if (api.isSuperseded || api.podsSeen !== podsSeen(pods) || ageMs < 0 || ageMs > FRESH_MS)
    return 'the next look at the API of the stack';
  const registered = looksRegistered(api);
  if (registered === undefined) return 'a node that says whether the number is registered';
  const absent = pods.find(
    (pod) => (isServing(pod, 'master') || isServing(pod, 'coreapp')) && api.health[pod.name] === undefined,
  );
  if (absent) return `${absent.name}, which has not joined the stack yet`;
  if (!registered) return undefined;
  const hasPrimary = Object.values(api.health).some(({ role }) => role === 'primary_master');
  if (counts(resource).masters > 0 && !hasPrimary) return 'a Master that is the primary';
  const [served, desired] = [Object.keys(servedShards(observed)).length, shardsToServe(observed)];
  return served < desired ? `all shards to be served (${served} of ${desired} are)` : undefined;
}

/** Why this ready pod may not restart now. */
export function slotObstacle(observed: Observed, { role, pod }: Slot): string | undefined {
  const { resource, pods, api } = observed;
  if (!api || !pod || role === 'database') return undefined;
  if (!isCluster(resource) || looksRegistered(api) !== true) return undefined;
  const others = pods.filter((other) => isServing(other, role) && other.name !== pod.name);
  if (role === 'master')
    return counts(resource).masters > 1 && others.length === 0
      ? `another Master besides ${pod.name}`
      : undefined;
  const { coreapps, shards } = counts(resource);
  if (coreapps <= shards || ownedShards(observed, pod.name).length === 0) return undefined;
  const standby = others.some(
    ({ name }) =>
      api.health[name]?.gateway_status === 'disconnected' && ownedShards(observed, name).length === 0,
  );
  return standby ? undefined : `a healthy standby for ${pod.name}, which owns a shard`;
}
