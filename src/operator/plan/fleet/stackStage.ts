import { BLOCKING_REASONS } from '../../resource/conditions.ts';
import type { FleetReason } from '../../resource/fleetReasons.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { WhatsAppFleet } from '../../resource/whatsAppFleet.ts';
import { type FleetTarget, hasTarget, lastChange } from './fleetTarget.ts';

/** Messages that a stack sent since its change. */
export interface MessageCount {
  readonly sent: number;
  readonly failed: number;
}

/** A stack of a fleet, and what is known of it besides its resource. */
export interface FleetStack {
  /** `namespace/name` */
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Undefined if the stored resource does not parse. */
  readonly resource: WhatsAppDeployment | undefined;
  /** An older fleet that selects the stack too. */
  readonly otherFleet?: string | undefined;
  /** Why the API server refused the change of this attempt. */
  readonly refused?: string | undefined;
  readonly messages?: MessageCount | undefined;
}

export type Stage =
  /** Up to date and Ready. */
  | { readonly is: 'Updated' }
  /** Its turn comes. */
  | { readonly is: 'Waiting' }
  /** Is changing; `reason` says what it waits for. */
  | { readonly is: 'Rolling'; readonly reason: string }
  /** Left out for now. */
  | { readonly is: 'Held'; readonly reason: string }
  | { readonly is: 'Failed'; readonly cause: FleetReason; readonly reason: string };

/** How long a stack may report a blocking reason: some pass within seconds, while pods are scheduled. */
const BLOCKED_MS = 60_000;

/** A stack has failed for good, whatever its deadline. */
const FINAL: ReadonlySet<string> = new Set(['RolloutStopped', 'DeadlineExceeded']);

/** How far a stack is. A pure function of what is stored and counted. */
export function stageOf(
  stack: FleetStack,
  target: FleetTarget,
  {
    fleet,
    rollout: { hash, isRollback, unfinishedSince },
    nowMs,
  }: {
    readonly fleet: WhatsAppFleet;
    readonly rollout: {
      readonly hash: string;
      readonly isRollback: boolean;
      readonly unfinishedSince: string;
    };
    readonly nowMs: number;
  },
): Stage {
  const { health } = fleet.spec;
  const { resource, refused } = stack;
  if (stack.otherFleet) return held(`belongs to the older fleet ${stack.otherFleet}`);
  if (!resource) return held('this version of the operator cannot read it; see its condition Ready');
  if (refused !== undefined) return { is: 'Failed', cause: 'ChangeRefused', reason: refused };
  if (resource.spec.paused) return held('spec.paused is true');
  if (resource.spec.hibernated) return held('spec.hibernated is true');
  const standing = standingOf(resource);
  const change = lastChange(resource, fleet);
  const changedMs = change?.atMs ?? 0;
  // What the fleet brought before may hold fields that the target has no more: only the next change removes them.
  const hasOlder = change !== undefined && change.hash !== hash;
  if (hasOlder || !hasTarget(resource, target)) {
    // The way back, and the way on with what is corrected, are open to stacks that the rollout broke.
    return standing.ready || isRollback || changedMs >= Date.parse(unfinishedSince)
      ? { is: 'Waiting' }
      : held(`not Ready before its turn: ${standing.message}`);
  }
  const failure =
    failureOf(resource, standing, { changedMs, health, nowMs }) ?? manyFailed(stack.messages, health);
  if (failure) return { is: 'Failed', ...failure };
  const pending = pendingOf(resource, target);
  if (standing.ready && pending === undefined) return { is: 'Updated' };
  if (standing.ready && pending === OPERATOR_CHANGE && resource.spec.upgrade.operatorChanges === 'Hold')
    return { is: 'Waiting' };
  return { is: 'Rolling', reason: standing.ready ? `waits for ${pending}` : standing.message };
}

const held = (reason: string): Stage => ({ is: 'Held', reason });

interface Standing {
  /** For the stored generation. */
  readonly ready: boolean;
  readonly message: string;
  readonly reason: string;
  /** Epoch ms since when the stack is not Ready; undefined if it never was. */
  readonly sinceMs: number | undefined;
}

function standingOf({ metadata, status }: WhatsAppDeployment): Standing {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const isCurrent = ready?.observedGeneration === metadata.generation;
  if (!ready || !isCurrent)
    return {
      ready: false,
      message: 'the operator has not looked at the change yet',
      reason: '',
      sinceMs: undefined,
    };
  const { status: value, message, reason, lastTransitionTime } = ready;
  return {
    ready: value === 'True',
    message: `${reason}: ${message}`,
    reason,
    sinceMs: Date.parse(lastTransitionTime),
  };
}

const OPERATOR_CHANGE = 'a change of the new operator version';

/** What of the target the pods do not run yet; undefined if nothing. */
function pendingOf(
  { status }: WhatsAppDeployment,
  { version, operatorChanges }: FleetTarget,
): string | undefined {
  const { rollout, nodes = [], plan = [] } = status ?? {};
  if (rollout) return rollout.waitingFor ?? 'its pods to restart';
  const older = nodes.find(
    (node) => version !== undefined && node.version !== undefined && node.version !== version,
  );
  if (older) return `${older.name}, which runs ${older.version}`;
  const waiting = plan.find(({ operatorChange }) => !operatorChange);
  if (waiting) return `${waiting.target}: ${waiting.reason}`;
  return operatorChanges === 'Roll' && plan.length > 0 ? OPERATOR_CHANGE : undefined;
}

function failureOf(
  resource: WhatsAppDeployment,
  { ready, reason, message, sinceMs }: Standing,
  {
    changedMs: writtenMs,
    health: { deadlineSeconds },
    nowMs,
  }: {
    readonly changedMs: number;
    readonly health: WhatsAppFleet['spec']['health'];
    readonly nowMs: number;
  },
): { readonly cause: FleetReason; readonly reason: string } | undefined {
  const failed = (why: string) => ({ cause: 'StackFailed', reason: why }) as const;
  const progressing = resource.status?.conditions?.find(({ type }) => type === 'Progressing');
  const isOfNow = progressing?.observedGeneration === resource.metadata.generation;
  if (isOfNow && progressing.status === 'False' && FINAL.has(progressing.reason))
    return failed(`${progressing.reason}: ${progressing.message}`);
  if (ready) return undefined;
  const changedMs = Math.max(writtenMs, sinceMs ?? 0);
  if (BLOCKING_REASONS.has(reason) && nowMs - changedMs >= BLOCKED_MS) return failed(message);
  if (changedMs > 0 && nowMs - changedMs >= deadlineSeconds * 1000)
    return failed(`not Ready within ${deadlineSeconds} s of its change: ${message}`);
  return undefined;
}

function manyFailed(
  messages: MessageCount | undefined,
  { maxFailedMessagesPercent: most, minMessages }: WhatsAppFleet['spec']['health'],
): { readonly cause: FleetReason; readonly reason: string } | undefined {
  const { sent = 0, failed = 0 } = messages ?? {};
  const all = sent + failed;
  if (most === undefined || all < minMessages || failed * 100 <= most * all) return undefined;
  const percent = Math.round((failed / all) * 1000) / 10;
  return {
    cause: 'MessagesFailing',
    reason: `${failed} of ${all} messages since its change failed (${percent} %); spec.health.maxFailedMessagesPercent allows ${most} %`,
  };
}
