import type { UserHoldReason } from '../../resource/conditions.ts';
import { windowAt, windowProblem } from '../facts/maintenanceWindow.ts';
import { APPROVED_GENERATION } from '../facts/names.ts';
import type { Observed } from '../facts/observed.ts';
import { downgrade } from '../facts/wantedVersion.ts';

/** What the user and the roll budget allow now. Reasons complete the sentence "waits for ...". */
export interface ChangePolicy {
  /** Changes by a new operator version roll immediately. */
  readonly immediately: boolean;
  /** Why no template may change at all, not even that of a pod that does not run. */
  readonly refused: string | undefined;
  /** Why no change that restarts pods that work may begin or go on. */
  readonly forbidden: string | undefined;
  /** Why the operator itself restarts no ready pod, although templates may change. */
  readonly handsOff: string | undefined;
  /** Why the user lets restarts wait; undefined while they do not, or wait for something else. */
  readonly hold: UserHoldReason | undefined;
}

export function changePolicy(observed: Observed): ChangePolicy {
  const { resource, mayRoll, nowMs } = observed;
  const { upgrade } = resource.spec;
  const refused = downgrade(observed) ? 'a version that the database can run' : undefined;
  const held = userHold(resource, nowMs);
  const isOnDelete = upgrade.mode === 'OnDelete';
  return {
    immediately: upgrade.operatorChanges === 'Immediately',
    refused,
    forbidden: refused ?? held?.waitingFor ?? (mayRoll ? undefined : BUDGET),
    handsOff: isOnDelete ? 'somebody to delete the pod (spec.upgrade.mode is OnDelete)' : undefined,
    hold: refused ? undefined : (held?.reason ?? (mayRoll && isOnDelete ? 'WaitingForDeletion' : undefined)),
  };
}

const BUDGET = 'fewer other stacks to be rolling';

/** What spec.upgrade lets wait now, although the operator could do it. */
export interface UserHold {
  readonly reason: Exclude<UserHoldReason, 'WaitingForDeletion'>;
  /** Completes the sentence "waits for ...", with the command that lets it go on, or the time. */
  readonly waitingFor: string;
}

/** Whether the user lets changes that interrupt the traffic wait. */
export function userHold(resource: Observed['resource'], nowMs: number): UserHold | undefined {
  const approved = approval(resource);
  if (approved !== undefined) return { reason: 'WaitingForApproval', waitingFor: approved };
  const closed = closedWindow(resource.spec.upgrade, nowMs);
  return closed === undefined ? undefined : { reason: 'WaitingForWindow', waitingFor: closed };
}

function approval({ metadata, spec }: Observed['resource']): string | undefined {
  const { name, namespace, generation, annotations = {} } = metadata;
  if (spec.upgrade.mode !== 'Manual' || annotations[APPROVED_GENERATION] === String(generation))
    return undefined;
  return `approval (spec.upgrade.mode is Manual): kubectl -n ${namespace} annotate wad ${name} --overwrite ${APPROVED_GENERATION}=${generation}`;
}

function closedWindow(
  { window }: Observed['resource']['spec']['upgrade'],
  nowMs: number,
): string | undefined {
  if (!window || windowProblem(window)) return undefined;
  const state = windowAt(window, nowMs);
  if (state.isOpen) return undefined;
  const { opensAtMs } = state;
  return `the maintenance window${opensAtMs === undefined ? ', which never opens again' : `, which opens at ${new Date(opensAtMs).toISOString()}`}`;
}

/** Why the schema Job waits, as the reason of `SchemaReady`. Nobody deletes a pod for it. */
export const schemaHold = ({ hold }: ChangePolicy) =>
  hold === undefined || hold === 'WaitingForDeletion' ? 'Upgrading' : hold;
