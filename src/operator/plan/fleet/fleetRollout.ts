import type { FleetReason } from '../../resource/fleetReasons.ts';
import type { RingPhase, WhatsAppFleet } from '../../resource/whatsAppFleet.ts';
import { wantedVersion } from '../facts/wantedVersion.ts';
import { type FleetTarget, targetHash } from './fleetTarget.ts';
import type { Ring } from './ringsOf.ts';
import type { FleetStack, Stage } from './stackStage.ts';

export interface StagedStack {
  readonly stack: FleetStack;
  readonly stage: Stage;
}
export interface StagedRing {
  readonly ring: Ring<FleetStack>;
  readonly stacks: readonly StagedStack[];
  readonly phase: RingPhase;
  readonly updatedAtMs: number | undefined;
  readonly soakedAtMs: number | undefined;
}

/** Why the fleet begins with no further stack. */
export interface Halt {
  readonly attempt: number;
  readonly ring: string;
  readonly stack: string;
  readonly cause: FleetReason;
  readonly message: string;
  readonly at: string;
}

export interface Rollout {
  readonly hash: string;
  readonly version: string | undefined;
  readonly since: string;
  /** When the first of the rollouts began that did not complete. Stacks changed since then may be down because of that. */
  readonly unfinishedSince: string;
  readonly isRollback: boolean;
  readonly previousVersion: string | undefined;
  /** The status is of another rollout. */
  readonly isNew: boolean;
}

/** The rollout that the status knows, or a new one. */
export function rolloutOf(
  { status, spec }: WhatsAppFleet,
  target: FleetTarget,
  stacks: readonly FleetStack[],
  nowMs: number,
): Rollout {
  const hash = targetHash(target);
  const { target: known, previousVersion } = status ?? {};
  const { version } = spec;
  if (known?.hash === hash && known.since !== undefined)
    return {
      hash,
      version,
      since: known.since,
      unfinishedSince: known.unfinishedSince ?? known.since,
      isRollback: known.isRollback ?? false,
      previousVersion,
      isNew: false,
    };
  const since = new Date(nowMs).toISOString();
  const wasComplete = status?.conditions?.some(
    ({ type, status: value }) => type === 'Complete' && value === 'True',
  );
  return {
    hash,
    version,
    since,
    unfinishedSince: wasComplete ? since : (known?.unfinishedSince ?? known?.since ?? since),
    isRollback: version !== undefined && version === previousVersion,
    previousVersion: known?.version ?? previousVersion ?? commonVersion(stacks, version),
    isNew: true,
  };
}

/** What most stacks of a fleet had before its first rollout. */
function commonVersion(stacks: readonly FleetStack[], except: string | undefined): string | undefined {
  const counts = new Map<string, number>();
  for (const { resource } of stacks) {
    const version = resource && wantedVersion(resource);
    if (version !== undefined && version !== except) counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}
