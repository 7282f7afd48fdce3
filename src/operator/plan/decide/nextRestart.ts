import type { RolloutEntry } from '../facts/journal.ts';
import type { PodView } from '../facts/observed.ts';
import type { SlotState } from './slotState.ts';

/** One pod that only the operator restarts: the database, a Master or a Coreapp. */
export interface Slot {
  /** `StatefulSet/NAME` */
  readonly key: string;
  readonly role: 'database' | 'master' | 'coreapp';
  readonly state: SlotState;
  readonly pod: PodView | undefined;
  /** Primary Master, or owner of a shard: its turn comes last. */
  readonly isPrimary: boolean;
  /** The stack needs it no longer. */
  readonly isSurplus: boolean;
}

export interface Situation {
  /** In the order of their turns. */
  readonly slots: readonly Slot[];
  /** What else is changing, such as a Deployment. */
  readonly unsettled: readonly string[];
  /** Why no pod may restart, whatever its state. */
  readonly refused: string | undefined;
  /** Why no pod that works may restart. */
  readonly forbidden: string | undefined;
  /** Why the operator restarts no pod that runs; it removes surplus pods anyway. */
  readonly handsOff: string | undefined;
  /** Why no Master and no Coreapp may change, whatever its state: an earlier step is not finished. */
  readonly nodesWaitFor: string | undefined;
  /** Why no ready pod may restart. */
  readonly obstacle: string | undefined;
  /** Why this ready pod may not restart. */
  readonly obstacleOf: (slot: Slot) => string | undefined;
  readonly ticket: RolloutEntry['ticket'];
}

export interface NextRestart {
  /** Pods that serve nothing and run an older template: replaced without waiting for anything. */
  readonly repair: readonly Slot[];
  /** At most one pod that may serve: restarted, or removed if it is surplus. */
  readonly next: Slot | undefined;
  /** Why the next one waits. */
  readonly waitingFor: string | undefined;
  /** Whose turn it is. */
  readonly turn: Slot | undefined;
}

const podName = ({ key, pod }: Slot): string => pod?.name ?? key;

/**
 * Which pods to restart now. At most one pod that may serve is down by the operator's doing: the next one waits until all
 * slots are settled, the API was read after the last change and nothing stands in the way.
 */
export function nextRestart(situation: Situation): NextRestart {
  const { refused, forbidden, nodesWaitFor, ticket } = situation;
  const slots = situation.slots.filter(({ role }) => role === 'database' || nodesWaitFor === undefined);
  const stuck = slots.filter((slot) => isOutdated(slot) && slot.pod?.stuck);
  const turn = whoseTurn(slots, ticket);
  if (refused !== undefined) return { repair: [], next: undefined, waitingFor: refused, turn };
  if (forbidden !== undefined) return { repair: stuck, next: undefined, waitingFor: forbidden, turn };
  if (!turn) return { repair: stuck, next: undefined, waitingFor: nodesWaitFor, turn };
  const repair = [...stuck, ...downBefore(turn, slots, situation)];
  const waitingFor = obstacleBefore(turn, repair, situation);
  return { repair, next: waitingFor === undefined ? turn : undefined, waitingFor, turn };
}

/**
 * The request for an earlier ticket may still be on its way, so its pod comes first. Then pods that are not ready, because
 * a restart interrupts least there, then the order of the roles, primaries last. Surplus slots that are ready go when
 * nothing is outdated; others go first, because a slot that just restarted may be surplus by now.
 */
function whoseTurn(slots: readonly Slot[], ticket: Situation['ticket']): Slot | undefined {
  const pending = slots.find((slot) => isPending(slot, ticket));
  if (pending) return pending;
  const surplus = slots.filter(({ isSurplus }) => isSurplus);
  const idle = surplus.find(({ state, pod }) => state !== 'Terminating' && !pod?.ready);
  if (idle) return idle;
  const outdated = slots.filter((slot) => isOutdated(slot) && !slot.pod?.stuck);
  const readiness = ({ pod }: Slot) => Number(pod?.ready ?? false);
  const candidates = outdated.length > 0 ? outdated : surplus;
  return [...candidates].sort((a, b) => readiness(a) - readiness(b) || rank(a) - rank(b))[0];
}

/**
 * A pod that is down, to be replaced before the pod of a ticket restarts. It may be why a shard is not served, and a second
 * ticket would forget that the request for the first one may still be on its way.
 */
function downBefore(turn: Slot, slots: readonly Slot[], situation: Situation): readonly Slot[] {
  const { ticket, handsOff, unsettled } = situation;
  if (!turn.pod?.ready || !isPending(turn, ticket)) return [];
  if (handsOff !== undefined || unsettled.length > 0 || slots.some(isChanging)) return [];
  const down = slots.filter((slot) => isOutdated(slot) && !slot.pod?.ready);
  return down.some(({ pod }) => pod?.stuck) ? [] : down.slice(0, 1);
}

const isOutdated = ({ state, isSurplus }: Slot): boolean => state === 'Outdated' && !isSurplus;

const ROLES: readonly Slot['role'][] = ['database', 'master', 'coreapp'];
const rank = ({ role, isPrimary }: Slot): number => ROLES.indexOf(role) * 2 + Number(isPrimary);

/**
 * Whether the request for a ticket may still reach the API server. It names the version of the pod, so it fails once the
 * pod has a newer one. Versions of resources grow.
 */
function isPending({ pod, state }: Slot, ticket: Situation['ticket']): boolean {
  if (!ticket || pod?.name !== ticket.pod || state === 'Terminating') return false;
  return !isNewer(pod.resourceVersion, ticket.resourceVersion);
}

function isNewer(version: string, than: string): boolean {
  try {
    return BigInt(version) > BigInt(than);
  } catch {
    return version !== than;
  }
}

function obstacleBefore(turn: Slot, repair: readonly Slot[], situation: Situation): string | undefined {
  const { slots, unsettled, handsOff, obstacle, obstacleOf, ticket } = situation;
  if (handsOff !== undefined && !turn.isSurplus) return handsOff;
  const [broken] = repair;
  if (broken) return `${podName(broken)}, which is being replaced`;
  const changing = slots.find(isChanging);
  if (changing) return `${podName(changing)}, which is ${WORDS[changing.state]}`;
  const [other] = unsettled;
  if (other !== undefined) return other;
  if (isPending(turn, ticket) && turn.pod?.uid !== ticket?.uid)
    return `news of ${podName(turn)}, which was restarted`;
  // A pod that is not ready serves nothing, so its restart interrupts nothing.
  return turn.pod?.ready ? (obstacle ?? obstacleOf(turn)) : undefined;
}

/** A surplus slot serves nothing unless it is ready, so nothing waits until it is. */
const isChanging = ({ state, isSurplus }: Slot): boolean =>
  isSurplus ? state === 'Terminating' : state in WORDS;

const WORDS: Partial<Readonly<Record<SlotState, string>>> = {
  Unobserved: 'not seen by its controller yet',
  Terminating: 'stopping',
  Absent: 'not there yet',
  Starting: 'not ready yet',
};
