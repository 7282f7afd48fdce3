import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { hashOf } from '../../../engine/kube/ownFields.ts';
import type { RolloutEntry } from '../facts/journal.ts';
import { annotations, podOfSet } from '../facts/names.ts';
import type { Observed, PodView } from '../facts/observed.ts';
import type { RolloutProgress } from '../facts/rolloutProgress.ts';
import { counts } from '../facts/stackSettings.ts';
import { isLeftToAutoscaler } from '../render/autoscaler.ts';
import { type Child, childKey } from '../render/child.ts';
import { apiObstacle, slotObstacle } from './apiObstacle.ts';
import type { ChangePolicy } from './changePolicy.ts';
import {
  type ChildChange,
  changeOf,
  type FleetTurn,
  type Judged,
  judgeWith,
  replicasOf,
} from './childChange.ts';
import { noteOf } from './difference.ts';
import { SCHEMA_JOB } from './gates.ts';
import { needsSchema } from './needsSchema.ts';
import { type NextRestart, nextRestart, type Slot } from './nextRestart.ts';
import type { NodeSlotPlan } from './nodeSlots.ts';
import { rolloutEntry, stopReason } from './rolloutEntry.ts';
import { hasAvailablePod, isSettled, type SlotState, slotState } from './slotState.ts';

/** The children of a stack whose changes restart pods. */
export interface RestartingChildren extends Pick<NodeSlotPlan, 'nodes' | 'surplus'> {
  readonly database: Child | undefined;
  /** The network process of the namespace, or the gateway, and whether changes by a new operator version roll it immediately. */
  readonly network: { readonly child: Child; readonly immediately: boolean } | undefined;
  readonly webapps: Child;
}

export interface RolloutPlan extends RolloutProgress {
  /** By `Kind/name`. */
  readonly changes: ReadonlyMap<string, ChildChange>;
  readonly remove: readonly KubeObject[];
  /** The rollout may go on as far as the user is concerned, so it needs a place in the roll budget. */
  readonly needsPlace: boolean;
  /** For the journal. */
  readonly entry: RolloutEntry | undefined;
}

interface JudgedSlot extends Judged {
  readonly slot: Slot | undefined;
}

/**
 * Decides which templates to write and which pods to restart. Templates of StatefulSets are written immediately: their
 * pods take them only when the operator deletes them. Deployments and a gateway restart their pods by themselves, so their templates
 * wait for their turn, after all slots. A change that only a new version of the operator makes is held until the user
 * changes something too.
 */
export function planRollout(
  observed: Observed,
  children: RestartingChildren,
  policy: ChangePolicy,
  /** `nodes`: why no node changes yet. `schema`: changes of nodes that need the new schema wait for it. */
  waits: { readonly nodes: string | undefined; readonly schema: boolean },
): RolloutPlan {
  const { journal } = observed;
  const { nodes: nodesWaitFor } = waits;
  const judge = judgeWith(observed);
  const judgeNode = (child: Child): Judged => {
    const judged = judge(child, policy);
    return waits.schema && needsSchema(judged) ? { ...judged, held: SCHEMA_JOB } : judged;
  };
  const slots = judgedSlots(observed, children, {
    node: judgeNode,
    database: (child) => judge(child, policy),
  });
  const web = judgeNode(children.webapps);
  const fleets = [...(children.network ? [judge(children.network.child, children.network)] : []), web];
  const least = isLeftToAutoscaler(web.child.object) ? counts(observed.resource).webapps : undefined;
  const unsettled = fleets.filter(
    (fleet) => fleet.live && !isSettled(fleet.live, fleet === web ? least : undefined),
  );
  const surplus = surplusSlots(observed, children);
  const all = [...slots, ...fleets];
  const before = journal?.rollout;
  const target = hashOf([
    observed.resource.metadata.generation,
    all.map(({ child }) => noteOf(child.object, annotations.template)),
  ]);
  const stopped = stopReason(observed, before, target);
  const obstacle = stopped ?? apiObstacle(observed);
  const decision = nextRestart({
    slots: [...slots.flatMap(({ slot }) => (slot ? [slot] : [])), ...surplus.map(({ slot }) => slot)],
    unsettled: unsettled.map(({ key }) => `${key}, whose pods are changing`),
    refused: policy.refused,
    forbidden: policy.forbidden,
    handsOff: policy.handsOff,
    nodesWaitFor,
    obstacle,
    obstacleOf: (slot) => slotObstacle(observed, slot),
    ticket: before?.ticket,
  });
  const fleet = nextFleet({
    fleets,
    web,
    unsettled,
    slots,
    decision,
    policy,
    stopped,
    obstacle,
    nodesWaitFor,
  });
  const next = decision.next && fleet.write && decision.next.isSurplus ? undefined : decision.next;
  const wanted = all.filter(({ wants }) => wants);
  const held = wanted.find((judged) => judged.held !== undefined)?.held;
  const outdated = slots.filter(({ slot }) => slot?.state === 'Outdated');
  const changing = [
    ...slots.flatMap(({ slot }) => (slot && slot.state !== 'Current' ? [slot.pod?.name ?? slot.key] : [])),
    ...unsettled.map(({ key }) => key),
  ];
  const isDue = wanted.length > 0 || outdated.length > 0 || surplus.length > 0;
  const isRolling = isDue || (before?.isActive === true && before.target === target && changing.length > 0);
  const waitingFor = isDue
    ? (decision.waitingFor ?? (next ? undefined : (fleet.waitingFor ?? held)))
    : undefined;
  const isHeld = waitingFor !== undefined && [policy.forbidden, policy.handsOff].includes(waitingFor);
  const mayProceed = policy.forbidden === undefined && policy.handsOff === undefined;
  return {
    changes: new Map(
      all.map((judged) => [judged.key, changeOf(judged, { policy, decision: { ...decision, next }, fleet })]),
    ),
    remove: surplus.flatMap(({ set, slot }) => (slot === next ? [set] : [])),
    isRolling,
    needsPlace: isRolling && mayProceed,
    entry: rolloutEntry(observed, before, {
      target,
      isRolling,
      mayProceed,
      restarted: next?.pod,
      isProgress: next !== undefined || fleet.write !== undefined,
    }),
    turn: decision.turn?.pod?.name ?? fleet.turn?.key ?? wanted[0]?.key,
    waitingFor,
    hold: isHeld ? policy.hold : undefined,
    underWay: changing[0],
    role: decision.turn?.role ?? (fleet.turn === web ? 'webapp' : undefined),
    stopped: isDue ? stopped : undefined,
    ...progress(slots, web, counts(observed.resource).webapps),
  };
}

const podOf = ({ pods }: Observed, set: string): PodView | undefined =>
  pods.find(({ name }) => name === podOfSet(set));

function judgedSlots(
  observed: Observed,
  { database, nodes }: RestartingChildren,
  judge: { readonly [R in 'node' | 'database']: (child: Child) => Judged },
): JudgedSlot[] {
  const slotsOf = [
    ...(database ? [{ child: database, role: 'database' as const, isPrimary: false }] : []),
    ...nodes,
  ];
  return slotsOf.map(({ child, role, isPrimary }) => {
    const judged = role === 'database' ? judge.database(child) : judge.node(child);
    const { live, key } = judged;
    // A set that does not exist yet, or is stopped, has no pod to wait for.
    if (!live || replicasOf(live) === 0) return { ...judged, slot: undefined };
    const pod = podOf(observed, child.object.metadata.name);
    const slot: Slot = { key, role, state: slotState(live, pod), pod, isPrimary, isSurplus: false };
    // A pod that restarts anyway takes what a new version of the operator renders along.
    const wants = judged.wants || (judged.difference.is === 'rendering' && slot.state === 'Outdated');
    return { ...judged, wants, slot };
  });
}

const surplusSlots = (observed: Observed, { surplus }: RestartingChildren) =>
  surplus.map(({ set, role, isPrimary }) => {
    const pod = podOf(observed, set.metadata.name);
    const slot: Slot = {
      key: childKey(set),
      role,
      state: slotState(set, pod),
      pod,
      isPrimary,
      isSurplus: true,
    };
    return { set, slot };
  });

/**
 * Which Deployment to write now. The Webapps keep serving while they roll, so the API need not be asked; the network
 * process of a namespace does not.
 */
function nextFleet(run: {
  readonly fleets: readonly Judged[];
  /** The Webapps among the fleets. */
  readonly web: Judged;
  /** Those whose pods are changing. */
  readonly unsettled: readonly Judged[];
  readonly slots: readonly JudgedSlot[];
  readonly decision: NextRestart;
  readonly policy: ChangePolicy;
  readonly stopped: string | undefined;
  readonly obstacle: string | undefined;
  readonly nodesWaitFor: string | undefined;
}): FleetTurn {
  const { fleets, web, unsettled, slots, decision, policy, stopped, obstacle, nodesWaitFor } = run;
  const pending = fleets.filter(({ wants, held }) => wants && held === undefined);
  // Its pods do not serve the previous template either, so a correction need not wait.
  const broken = pending.find((fleet) => unsettled.includes(fleet));
  const mayMend = broken?.live && !hasAvailablePod(broken.live) ? policy.refused : policy.forbidden;
  if (broken && mayMend === undefined && !(broken === web && nodesWaitFor !== undefined))
    return { write: broken, turn: broken };
  const [turn] = pending;
  if (!turn) return web.wants && web.held !== undefined ? { turn: web, waitingFor: web.held } : {};
  const busy = slots.find(
    ({ slot, wants, held }) => (wants && held === undefined) || (slot && slot.state !== 'Current'),
  );
  const name = busy ?? unsettled[0];
  const waitingFor =
    policy.forbidden ??
    decision.waitingFor ??
    (name ? `${name.key}, which is not settled yet` : undefined) ??
    stopped ??
    (turn === web ? nodesWaitFor : obstacle);
  return waitingFor === undefined ? { write: turn, turn } : { turn, waitingFor };
}

/** Pods that run the wanted template and are ready, out of all. */
function progress(
  slots: readonly JudgedSlot[],
  web: Judged,
  wanted: number,
): { done: number; total: number } {
  const states: readonly (SlotState | undefined)[] = slots.map(({ slot, wants }) =>
    wants ? 'Outdated' : slot?.state,
  );
  const { updatedReplicas = 0, availableReplicas = 0 } = (web.live?.status ?? {}) as {
    updatedReplicas?: number;
    availableReplicas?: number;
  };
  const webapps = web.wants ? 0 : Math.min(updatedReplicas, availableReplicas, wanted);
  return {
    done: states.filter((state) => state === 'Current').length + webapps,
    total: states.length + wanted,
  };
}
