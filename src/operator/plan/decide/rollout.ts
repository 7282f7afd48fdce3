import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { PlanEntry } from '../../resource/status.ts';
import { annotations } from '../facts/names.ts';
import { type Child, childKey } from '../render/child.ts';

/** How a child that restarts pods stands to what it should be. `current`: at most something that restarts nothing, like a number of replicas. */
type Difference = 'missing' | 'current' | 'inputs' | 'rendering';

function difference({ object }: Child, live: KubeObject | undefined): Difference {
  if (!live) return 'missing';
  const differs = (key: string) => live.metadata.annotations?.[key] !== object.metadata.annotations?.[key];
  if (differs(annotations.inputs)) return 'inputs';
  return differs(annotations.template) ? 'rendering' : 'current';
}

export interface Rollout {
  /** To be applied now. */
  readonly apply: readonly Child[];
  /** What would change, and why it does not yet. */
  readonly waiting: readonly PlanEntry[];
}

export interface SlotRollout extends Rollout {
  /** Every slot is ready and as it should be, held changes aside. */
  readonly settled: boolean;
}

export interface RollPolicy {
  /** Changes of the operator itself roll at once. */
  readonly immediately: boolean;
  /** This stack is among those that may roll at the same time. */
  readonly mayRoll: boolean;
}

const HELD = 'another rendering of a new operator version; held by upgrade.operatorChanges';
const TURN = 'its inputs have changed; waits for its turn';
const OTHERS = 'its inputs have changed; waits until fewer other stacks are rolling';

const waits = ({ object }: Child, reason: string): PlanEntry => ({
  target: childKey(object),
  action: 'Restart',
  reason,
});

/** Whether the child must restart pods that run now. */
export function wantsRoll(child: Child, live: KubeObject | undefined, { immediately }: RollPolicy): boolean {
  const state = difference(child, live);
  return state === 'inputs' || (state === 'rendering' && immediately);
}

/**
 * A child that restarts pods changes when its inputs have changed. The same inputs rendered otherwise are a
 * change of the operator: held until the next roll that the user causes, unless `immediately`.
 */
export function holdOperatorChanges(child: Child, live: KubeObject | undefined, policy: RollPolicy): Rollout {
  if (wantsRoll(child, live, policy))
    return policy.mayRoll ? { apply: [child], waiting: [] } : { apply: [], waiting: [waits(child, OTHERS)] };
  if (difference(child, live) === 'rendering') return { apply: [], waiting: [waits(child, HELD)] };
  return { apply: [child], waiting: [] };
}

export interface SlotState {
  readonly child: Child;
  readonly live: KubeObject | undefined;
  readonly ready: boolean;
  /** Primary Master, or owner of a shard: it goes last. */
  readonly primary: boolean;
}

/** Slots change one at a time, those that serve nothing first, and only while all others are ready and nobody says `wait`. */
export function rollSlots(slots: readonly SlotState[], policy: RollPolicy, wait = false): SlotRollout {
  const judged = slots.map((slot) => ({
    ...slot,
    difference: difference(slot.child, slot.live),
    outdated: wantsRoll(slot.child, slot.live, policy),
  }));
  const outdated = judged
    .filter((slot) => slot.outdated)
    // A slot that does not work loses nothing by a restart.
    .sort((a, b) => Number(a.ready) - Number(b.ready) || Number(a.primary) - Number(b.primary));
  const [next] = outdated;
  const othersReady = judged.every((slot) => slot.child === next?.child || slot.ready);
  const rolling = next && !wait && policy.mayRoll && (othersReady || !next.ready) ? next : undefined;
  return {
    settled: outdated.length === 0 && judged.every(({ ready }) => ready),
    apply: judged
      .filter((slot) => slot.difference === 'missing' || slot.difference === 'current' || slot === rolling)
      .map(({ child }) => child),
    waiting: [
      ...outdated
        .filter((slot) => slot !== rolling)
        .map(({ child }) => waits(child, policy.mayRoll ? TURN : OTHERS)),
      ...judged
        .filter((slot) => slot.difference === 'rendering' && !slot.outdated)
        .map(({ child }) => waits(child, HELD)),
    ],
  };
}
