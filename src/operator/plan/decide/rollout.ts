import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { differences } from '../../../engine/kube/ownFields.ts';
import type { PlanEntry } from '../../resource/status.ts';
import { annotations } from '../facts/names.ts';
import { type Child, childKey } from '../render/child.ts';
import { changedInputs } from '../render/fingerprint.ts';

/**
 * How a live child that restarts pods differs from the planned one. `current`: only in fields that restart nothing, such
 * as replicas. `inputs`: a user changed these inputs. `rendering`: a new version of the operator renders the same inputs
 * to another pod template.
 */
type Difference =
  | { readonly is: 'missing' | 'current' }
  | { readonly is: 'inputs' | 'rendering'; readonly fields: readonly string[] };

function differenceOf({ object, inputNames }: Child, live: KubeObject | undefined): Difference {
  if (!live) return { is: 'missing' };
  const note = ({ metadata }: KubeObject, key: string) => metadata.annotations?.[key];
  if (note(live, annotations.template) === note(object, annotations.template)) return { is: 'current' };
  const inputs = changedInputs(note(live, annotations.inputs), note(object, annotations.inputs), inputNames);
  if (inputs && inputs.length > 0) return { is: 'inputs', fields: inputs };
  // Another client removed the annotations, and the template is still the planned one.
  const fields = differences(templateOf(object), templateOf(live), 'template');
  if (note(live, annotations.template) === undefined && fields.length === 0) return { is: 'current' };
  return { is: 'rendering', fields };
}

const templateOf = ({ spec }: KubeObject): unknown => (spec as { template?: unknown } | undefined)?.template;

export interface Rollout {
  /** Children to apply now. */
  readonly apply: readonly Child[];
  /** Changes that wait, and why. */
  readonly waiting: readonly PlanEntry[];
  /** Running pods must restart, or are restarting. */
  readonly rolls: boolean;
}

export interface SlotRollout extends Rollout {
  /** Every slot is ready and up to date, apart from held changes. */
  readonly settled: boolean;
}

export interface RollPolicy {
  /** Changes by a new operator version roll immediately. */
  readonly immediately: boolean;
  /** The roll budget allows this stack to restart pods now. */
  readonly mayRoll: boolean;
}

/** Why a restart waits: `what` names the fields that differ. */
const REASONS = {
  held: (what: string) =>
    `the new operator version renders ${what} differently; held until the next restart (spec.upgrade.operatorChanges: Immediately restarts now)`,
  turn: (what: string) => `${what} changed; waits for its turn`,
  budget: (what: string) => `${what} changed; waits until fewer other stacks are rolling`,
} as const;

/** How many fields a reason names before it counts the rest. */
const NAMED_FIELDS = 4;

function listed(fields: readonly string[]): string {
  if (fields.length === 0) return 'the pod template';
  const rest = fields.length - NAMED_FIELDS;
  return `${fields.slice(0, NAMED_FIELDS).join(', ')}${rest > 0 ? ` and ${rest} more fields` : ''}`;
}

function waits({ object }: Child, why: keyof typeof REASONS, difference: Difference): PlanEntry {
  const fields = 'fields' in difference ? difference.fields : [];
  return { target: childKey(object), action: 'Restart', reason: REASONS[why](listed(fields)) };
}

const wants = ({ is }: Difference, { immediately }: RollPolicy): boolean =>
  is === 'inputs' || (is === 'rendering' && immediately);

/**
 * Applies a child whose inputs changed. If only the rendering changed, a new operator version caused it: the change is
 * held until the next roll that the user causes, unless `immediately` is set.
 */
export function holdOperatorChanges(child: Child, live: KubeObject | undefined, policy: RollPolicy): Rollout {
  const difference = differenceOf(child, live);
  const rolls = wants(difference, policy);
  if (rolls && !policy.mayRoll) return { apply: [], waiting: [waits(child, 'budget', difference)], rolls };
  if (difference.is === 'rendering' && !rolls)
    return { apply: [], waiting: [waits(child, 'held', difference)], rolls };
  return { apply: [child], waiting: [], rolls };
}

export interface SlotState {
  readonly child: Child;
  readonly live: KubeObject | undefined;
  readonly ready: boolean;
  /** Primary Master, or owner of a shard: restarted last. */
  readonly primary: boolean;
}

/** Changes one slot at a time, idle slots first, and only while all other slots are ready and `wait` is not set. */
export function rollSlots(slots: readonly SlotState[], policy: RollPolicy, wait = false): SlotRollout {
  const judged = slots.map((slot) => {
    const difference = differenceOf(slot.child, slot.live);
    return { ...slot, difference, outdated: wants(difference, policy) };
  });
  const outdated = judged
    .filter((slot) => slot.outdated)
    // Slots that are not ready first: a restart interrupts nothing there.
    .sort((a, b) => Number(a.ready) - Number(b.ready) || Number(a.primary) - Number(b.primary));
  const [next] = outdated;
  const othersReady = judged.every((slot) => slot.child === next?.child || slot.ready);
  const rolling = next && !wait && policy.mayRoll && (othersReady || !next.ready) ? next : undefined;
  const why = policy.mayRoll ? 'turn' : 'budget';
  return {
    rolls: outdated.length > 0,
    settled: outdated.length === 0 && judged.every(({ ready }) => ready),
    apply: judged
      .filter((slot) => !('fields' in slot.difference) || slot === rolling)
      .map(({ child }) => child),
    waiting: [
      ...outdated
        .filter((slot) => slot !== rolling)
        .map(({ child, difference }) => waits(child, why, difference)),
      ...judged
        .filter(({ difference, outdated }) => difference.is === 'rendering' && !outdated)
        .map(({ child, difference }) => waits(child, 'held', difference)),
    ],
  };
}
