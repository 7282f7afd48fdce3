import { compareVersions, mayRunOn } from '../../../onprem/clientVersion.ts';
import type { RolloutEntry } from '../facts/journal.ts';
import type { Observed, PodView } from '../facts/observed.ts';

export interface RolloutFacts {
  /** Hash of what the stack rolls to. */
  readonly target: string;
  /** Pods must restart or go, or have not settled yet. */
  readonly isRolling: boolean;
  /** Neither the user nor the roll budget forbids it. */
  readonly mayProceed: boolean;
  /** The pod that restarts now and may serve. */
  readonly restarted: PodView | undefined;
  readonly isProgress: boolean;
}

/** The journal's entry after this pass. A rollout that the user does not allow now is not active, so its deadline rests. */
export function rolloutEntry(
  { nowMs, resource }: Observed,
  before: RolloutEntry | undefined,
  facts: RolloutFacts,
): RolloutEntry | undefined {
  const { target, isRolling, mayProceed, restarted, isProgress } = facts;
  if (!isRolling || !mayProceed) return before?.isActive ? { ...before, isActive: false } : before;
  const isSame = before?.target === target && (before.isActive || before.isStopped);
  const entry: RolloutEntry = isSame
    ? { ...before, isActive: true }
    : {
        target,
        isActive: true,
        progressAtMs: nowMs,
        isStopped: false,
        ...(before?.ticket ? { ticket: before.ticket } : {}),
      };
  if (isProgress)
    return {
      ...entry,
      progressAtMs: nowMs,
      ...(restarted
        ? { ticket: { pod: restarted.name, uid: restarted.uid, resourceVersion: restarted.resourceVersion } }
        : {}),
    };
  const deadlineMs = resource.spec.upgrade.deadlineSeconds * 1000;
  return nowMs - entry.progressAtMs > deadlineMs ? { ...entry, isStopped: true } : entry;
}

/** Why a stopped rollout stays stopped, and the way back. Undefined if it is not stopped. */
export function stopReason(
  { resource, pods, journal }: Observed,
  entry: RolloutEntry | undefined,
  target: string,
): string | undefined {
  if (!entry?.isStopped || entry.target !== target) return undefined;
  const { upgrade, version } = resource.spec;
  const older = pods
    .flatMap((pod) => (pod.version && pod.version !== version ? [pod.version] : []))
    .sort(compareVersions)[0];
  const isAcross = older && journal?.schemaVersion && !mayRunOn(older, journal.schemaVersion);
  const back = isAcross
    ? `the database has the schema of ${journal.schemaVersion}, which ${older} cannot use: correct spec, or restore a backup from before the upgrade`
    : `set spec back${older ? ` to version ${older}` : ''}, or correct it`;
  return `a change of spec: the rollout made no progress for ${upgrade.deadlineSeconds} s and was stopped; ${back}. To go on unchanged, change spec.upgrade.deadlineSeconds`;
}
