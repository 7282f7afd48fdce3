import type { NodeHealth } from '../../../onprem/health.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { type ApiObservation, type PodView, podsSeen } from '../facts/observed.ts';
import { ownedShards } from '../facts/servedShards.ts';

/** What the number is to the stack. */
export interface NumberState {
  readonly isRegistered: boolean;
  readonly shards: number;
}

/**
 * What the API answers once all nodes have joined. A node that is still there keeps what it owned; what a node owned that
 * is gone goes to a standby. Undefined while there is no Webapp and no node.
 */
export function modelApi(
  resource: WhatsAppDeployment,
  pods: readonly PodView[],
  before: { readonly api: ApiObservation | undefined; readonly pods: readonly PodView[] },
  { isRegistered, shards }: NumberState,
  nowMs: number,
): ApiObservation | undefined {
  const of = (role: string) => pods.filter(({ component }) => component === role);
  const [masters, coreapps] = [of('master'), of('coreapp')];
  if (of('webapp').length === 0 || coreapps.length === 0) return undefined;
  const stayed = (pod: PodView) => before.pods.some(({ uid }) => uid === pod.uid);
  const seen = { resource, api: before.api };
  const owners = new Map<string, number[]>(
    coreapps.map((pod) => [
      pod.name,
      isRegistered && stayed(pod) && before.api?.shards === shards ? ownedShards(seen, pod.name) : [],
    ]),
  );
  const owned = new Set([...owners.values()].flat());
  const isFree = ({ name }: PodView) => owners.get(name)?.length === 0;
  for (let shard = 0; isRegistered && shard < shards; shard++) {
    if (owned.has(shard)) continue;
    const taker = coreapps.find((pod) => isFree(pod) && stayed(pod)) ?? coreapps.find(isFree) ?? coreapps[0];
    if (taker) owners.get(taker.name)?.push(shard);
  }
  const was = (pod: PodView) => before.api?.health[pod.name]?.role === 'primary_master';
  const primary =
    masters.find((pod) => stayed(pod) && was(pod)) ?? masters.find((pod) => stayed(pod)) ?? masters[0];
  const health: [string, NodeHealth][] = [
    ...masters.map((pod): [string, NodeHealth] => [
      pod.name,
      pod === primary ? { role: 'primary_master' } : { role: 'secondary_master' },
    ]),
    ...coreapps.map((pod): [string, NodeHealth] => [
      pod.name,
      {
        role: 'coreapp',
        gateway_status: !isRegistered ? 'unregistered' : isFree(pod) ? 'disconnected' : 'connected',
      },
    ]),
  ];
  return {
    atMs: nowMs,
    podsSeen: podsSeen(pods),
    health: Object.fromEntries(health),
    support: Object.fromEntries(
      coreapps.map(({ name }) => [
        name,
        { ...before.api?.support[name], shards: (owners.get(name) ?? []).map((shard) => [shard, shard]) },
      ]),
    ),
    shards,
  };
}
