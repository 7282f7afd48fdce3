import { type ReasonOf, type SummaryCondition, USER_HOLDS } from '../../resource/conditions.ts';
import type { Condition } from '../../resource/status.ts';
import { isPlanOnly, PLAN } from '../facts/names.ts';
import type { Observation } from '../facts/observed.ts';
import type { RolloutProgress } from '../facts/rolloutProgress.ts';
import { autoscaled } from './autoscaled.ts';
import { backupCurrent } from './backupCurrent.ts';
import { conditionTime, met, readiness, unmet, type Verdict } from './conditions.ts';

/** What is observed, and every condition that the two controllers report. */
interface SummaryInput {
  readonly observed: Observation;
  readonly reported: readonly Pick<
    Condition,
    'type' | 'status' | 'reason' | 'message' | 'observedGeneration'
  >[];
  /** The conditions in the status: how long one is True. */
  readonly stored: readonly Condition[];
  /** The stored condition Progressing, if it is of this generation. */
  readonly progressing: Condition | undefined;
  readonly rollout: RolloutProgress | undefined;
  /** Epoch ms. */
  readonly nowMs: number;
}

/** When the stack must be Ready, epoch ms; undefined while nothing is under way. A rollout has a deadline of its own. */
export function readyBefore({
  observed: { resource },
  progressing,
  rollout,
}: Omit<SummaryInput, 'reported' | 'stored'>): number | undefined {
  if (progressing?.status !== 'True' || rollout?.isRolling) return undefined;
  return Date.parse(progressing.lastTransitionTime) + resource.spec.upgrade.deadlineSeconds * 1000;
}

const PLAN_ONLY = `the annotation ${PLAN} is "only": status.plan says what the operator would do; remove the annotation to let it act`;

/** Since when a condition that is True now is True. */
function since({ stored, nowMs }: SummaryInput, type: SummaryCondition): string {
  const before = stored.find((condition) => condition.type === type && condition.status === 'True');
  return `, since ${before?.lastTransitionTime ?? conditionTime(nowMs)}`;
}

/** Reasons of Ready for which nothing happens until the user, or a time that the user set, lets it. */
const AT_REST: ReadonlySet<string> = new Set([
  'PlanOnly',
  'Hibernated',
  ...USER_HOLDS,
] satisfies ReasonOf<'Ready'>[]);

/** One function for each condition that is computed from the others. */
const SUMMARY: { readonly [T in SummaryCondition]: (input: SummaryInput) => Verdict<T> } = {
  BackupCurrent: ({ observed: { resource, backups = [] }, nowMs }) => backupCurrent(resource, backups, nowMs),
  Autoscaled: ({ observed, nowMs }) => autoscaled({ ...observed, nowMs }),
  Progressing: (input) => {
    const { status, reason, message } = SUMMARY.Ready(input);
    if (status === 'True') return unmet<'Progressing'>('Progressing', 'Settled', 'nothing is under way');
    const { progressing, rollout, nowMs } = input;
    const { resource } = input.observed;
    // Nothing is under way, and nothing is late.
    if (AT_REST.has(reason)) return unmet<'Progressing'>('Progressing', reason, message);
    if (rollout?.stopped !== undefined)
      return unmet<'Progressing'>('Progressing', 'RolloutStopped', `waits for ${rollout.stopped}`);
    const isLate = nowMs >= (readyBefore(input) ?? Number.POSITIVE_INFINITY);
    if (isLate || (progressing?.reason === 'DeadlineExceeded' && !rollout?.isRolling))
      return unmet<'Progressing'>(
        'Progressing',
        'DeadlineExceeded',
        `not Ready within ${resource.spec.upgrade.deadlineSeconds} s: ${message}`,
      );
    return met<'Progressing'>('Progressing', reason, message);
  },
  Paused: ({ observed: { resource } }) =>
    resource.spec.paused
      ? met('Paused', 'Paused', 'the operator changes nothing until spec.paused is false')
      : unmet('Paused', 'Active', 'the operator acts on this resource'),
  Hibernated: ({ observed: { resource }, reported }) => {
    if (!resource.spec.hibernated) return unmet('Hibernated', 'Awake', 'spec.hibernated is false');
    const workloads = reported.find(({ type }) => type === 'WorkloadsReady');
    return workloads?.reason === 'Hibernated'
      ? met('Hibernated', 'Hibernated', workloads.message)
      : unmet('Hibernated', 'Hibernating', workloads?.message ?? 'the operator has not begun yet');
  },
  Ready: (input) => {
    const { reported } = input;
    const { resource } = input.observed;
    if (resource.spec.paused) return unmet('Ready', 'Paused', `spec.paused is true${since(input, 'Paused')}`);
    if (isPlanOnly(resource)) return unmet('Ready', 'PlanOnly', PLAN_ONLY);
    if (!resource.spec.hibernated) return readiness(reported, resource.metadata.generation);
    const { status, message } = SUMMARY.Hibernated(input);
    return status === 'True'
      ? unmet('Ready', 'Hibernated', `${message}${since(input, 'Hibernated')}`)
      : unmet('Ready', 'Hibernating', message);
  },
};

export const summarise = (input: SummaryInput): { readonly [T in SummaryCondition]: Verdict<T> } => ({
  BackupCurrent: SUMMARY.BackupCurrent(input),
  Autoscaled: SUMMARY.Autoscaled(input),
  Progressing: SUMMARY.Progressing(input),
  Paused: SUMMARY.Paused(input),
  Hibernated: SUMMARY.Hibernated(input),
  Ready: SUMMARY.Ready(input),
});
