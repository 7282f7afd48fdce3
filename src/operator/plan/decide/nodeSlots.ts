import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { PlanEntry } from '../../resource/status.ts';
import { labels, slotOf, slotRole } from '../facts/names.ts';
import { type Observed, ownedBy } from '../facts/observed.ts';
import { servedShards } from '../facts/servedShards.ts';
import { counts } from '../facts/stackSettings.ts';
import { type Child, childKey } from '../render/child.ts';
import type { StackPods } from '../render/nodeInputs.ts';
import { coreapps, masters } from '../render/nodeSlots.ts';
import { merged } from './applied.ts';
import { type RollPolicy, rollSlots, type SlotState } from './rollout.ts';
import { planSlots, type SlotPlan } from './slots.ts';

export interface NodeSlotPlan {
  readonly apply: readonly Child[];
  readonly remove: readonly KubeObject[];
  readonly waiting: readonly PlanEntry[];
  /** The nodes of the previous topology are being removed. */
  readonly switching: boolean;
  readonly rolls: boolean;
}

/** Decides which Masters and Coreapps exist and which may restart now. None exist while another stack has the number. */
export function planNodeSlots(
  observed: Observed,
  stackPods: StackPods,
  inUse: boolean,
  policy: RollPolicy,
): NodeSlotPlan {
  const { resource, children, pods, api } = observed;
  const { name } = resource.metadata;
  const sets = ownedBy(observed, 'StatefulSet').filter((set) => slotRole(set) !== undefined);
  if (inUse) return { apply: [], remove: sets, waiting: [], switching: false, rolls: false };

  // Nodes of Single and HighAvailability do not coordinate, so the old ones must be gone before the new ones start.
  const { topology } = resource.spec;
  const foreign = sets.filter(({ metadata }) => metadata.labels?.[labels.topology] !== topology);
  const foreignPods = pods.filter(
    (pod) => ['master', 'coreapp'].includes(pod.component) && pod.topology !== topology,
  );
  if (foreign.length > 0 || foreignPods.length > 0)
    return { apply: [], remove: foreign, waiting: [], switching: true, rolls: false };

  const roll = (role: 'master' | 'coreapp', wanted: readonly Child[], wait = false) =>
    rollSlots(
      wanted.map((child): SlotState => {
        const index = slotOf(name, role, child.object.metadata.name);
        const pod = pods.find(
          (candidate) =>
            candidate.component === role &&
            slotOf(name, role, candidate.name) === index &&
            !candidate.terminating,
        );
        const health = pod && api?.health[pod.name];
        const primary =
          role === 'master' ? health?.role === 'primary_master' : health?.gateway_status === 'connected';
        return { child, live: children.get(childKey(child.object)), ready: pod?.ready === true, primary };
      }),
      policy,
      wait,
    );
  const slots = planCoreappSlots(observed, sets);
  const [masterSlots, coreappSlots] = [masters(stackPods), coreapps(stackPods, slots.keep)];
  const masterRoll = roll('master', masterSlots);
  // Masters first: while a Master restarts, there may be no primary to promote a standby Coreapp.
  const coreappRoll = roll('coreapp', coreappSlots, !masterRoll.settled);
  const { masters: masterCount } = counts(resource);
  const surplus = sets.filter((set) =>
    slotRole(set) === 'master'
      ? (slotOf(name, 'master', set.metadata.name) ?? 0) >= masterCount
      : slots.remove.includes(slotOf(name, 'coreapp', set.metadata.name) ?? -1),
  );
  return {
    ...merged(masterRoll, coreappRoll),
    remove: surplus,
    switching: false,
  };
}

/**
 * Enough Coreapps for both the current and the wanted shards: scaling up adds pods before shards, scaling down removes
 * shards before pods. Only Coreapps that own no shard according to the stack are removed.
 */
function planCoreappSlots({ resource, api }: Observed, sets: readonly KubeObject[]): SlotPlan {
  const { name } = resource.metadata;
  const existing = sets.flatMap((set) => {
    const index = slotOf(name, 'coreapp', set.metadata.name);
    return slotRole(set) === 'coreapp' && index !== undefined ? [index] : [];
  });
  const { coreapps: wanted, shards } = counts(resource);
  const count = Math.max(wanted, wanted - shards + (api?.shards ?? shards));
  const isSettled = api?.shards === shards && Object.keys(servedShards({ resource, api })).length >= shards;
  const owners = new Set(
    Object.entries(api?.support ?? {}).flatMap(([pod, { shards: owned = [] }]) => {
      const index = slotOf(name, 'coreapp', pod);
      return index !== undefined && owned.length > 0 ? [index] : [];
    }),
  );
  return planSlots(existing, count, isSettled ? owners : undefined);
}
