import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { labels, podOfSet, slotOf, slotRole } from '../facts/names.ts';
import { type Observed, ownedBy } from '../facts/observed.ts';
import { ownedShards, servedShards } from '../facts/servedShards.ts';
import { counts, isCluster } from '../facts/stackSettings.ts';
import type { Child } from '../render/child.ts';
import type { StackPods } from '../render/nodeInputs.ts';
import { coreapps, masters } from '../render/nodeSlots.ts';
import type { Verdict } from '../tell/conditions.ts';
import { planSlots, type SlotPlan } from './slots.ts';

type Role = 'master' | 'coreapp';

export interface NodeSlotPlan {
  /** The wanted Masters and Coreapps. */
  readonly nodes: readonly { readonly child: Child; readonly role: Role; readonly isPrimary: boolean }[];
  /** StatefulSets to remove one at a time, once nothing rolls. */
  readonly surplus: readonly { readonly set: KubeObject; readonly role: Role; readonly isPrimary: boolean }[];
  /** StatefulSets to remove immediately. */
  readonly remove: readonly KubeObject[];
  /** The nodes of the previous topology are being removed. */
  readonly isSwitching: boolean;
}

const NO_NODES: NodeSlotPlan = { nodes: [], surplus: [], remove: [], isSwitching: false };

/**
 * Decides which Masters and Coreapps exist. None start and none change while another stack has the number; those that run
 * with the data of another number are removed.
 */
export function planNodeSlots(
  observed: Observed,
  stackPods: StackPods,
  notOurs: Verdict<'SpecValid'> | undefined,
): NodeSlotPlan {
  const { resource, pods } = observed;
  const { name } = resource.metadata;
  const sets = ownedBy(observed, 'StatefulSet').flatMap((set) => {
    const role = slotRole(name, set.metadata.name);
    return role ? [{ set, role, isPrimary: isPrimary(observed, role, podOfSet(set.metadata.name)) }] : [];
  });
  if (notOurs)
    return {
      ...NO_NODES,
      remove: notOurs.reason === 'DataOfAnotherNumber' ? sets.map(({ set }) => set) : [],
    };

  // Nodes of Single and HighAvailability do not coordinate, so the old ones must be gone before the new ones start.
  const { topology } = resource.spec;
  const foreign = sets.filter(({ set }) => isForeign(set, topology));
  const current = new Set(
    sets.filter((one) => !foreign.includes(one)).map(({ set }) => podOfSet(set.metadata.name)),
  );
  const foreignPods = pods.filter(
    (pod) => slotRole(name, pod.name) !== undefined && pod.topology !== topology && !current.has(pod.name),
  );
  if (foreign.length > 0 || foreignPods.length > 0)
    return { ...NO_NODES, remove: foreign.map(({ set }) => set), isSwitching: true };

  const slots = planCoreappSlots(
    observed,
    sets.map(({ set }) => set),
  );
  const wanted = (role: Role) => (child: Child) => ({
    child,
    role,
    isPrimary: isPrimary(observed, role, podOfSet(child.object.metadata.name)),
  });
  const { masters: masterCount } = counts(resource);
  return {
    ...NO_NODES,
    nodes: [
      ...masters(stackPods).map(wanted('master')),
      ...coreapps(stackPods, slots.keep).map(wanted('coreapp')),
    ],
    surplus: sets.filter(({ set, role }) => {
      const index = slotOf(name, role, set.metadata.name) ?? -1;
      return role === 'master' ? index >= masterCount : slots.remove.includes(index);
    }),
  };
}

/** Anybody can edit a label, so the set and its template must agree that they are of the other topology. */
function isForeign({ metadata, spec }: KubeObject, topology: string): boolean {
  const { template } = (spec ?? {}) as { readonly template?: Pick<KubeObject, 'metadata'> };
  return [metadata, template?.metadata].every((of) => of?.labels?.[labels.topology] !== topology);
}

/** The primary Master, or the owner of a shard. */
const isPrimary = (observed: Observed, role: Role, pod: string): boolean =>
  role === 'master'
    ? observed.api?.health[pod]?.role === 'primary_master'
    : ownedShards(observed, pod).length > 0;

/**
 * Enough Coreapps for both the current and the wanted shards: scaling up adds pods before shards, scaling down removes
 * shards before pods. Only Coreapps that own no shard according to the stack are removed.
 */
function planCoreappSlots({ resource, api }: Observed, sets: readonly KubeObject[]): SlotPlan {
  const { name } = resource.metadata;
  const existing = sets.flatMap((set) => {
    const index = slotOf(name, 'coreapp', set.metadata.name);
    return index === undefined ? [] : [index];
  });
  const { coreapps: wanted, shards } = counts(resource);
  // The node of a Single stack has all shards, so more nodes do not help to change their number.
  const count = isCluster(resource) ? Math.max(wanted, wanted - shards + (api?.shards ?? shards)) : wanted;
  const isSettled = api?.shards === shards && Object.keys(servedShards({ resource, api })).length >= shards;
  const owners = new Set(
    Object.keys(api?.support ?? {}).flatMap((pod) => {
      const index = slotOf(name, 'coreapp', pod);
      return index !== undefined && ownedShards({ resource, api }, pod).length > 0 ? [index] : [];
    }),
  );
  return planSlots(existing, count, isSettled ? owners : undefined);
}
