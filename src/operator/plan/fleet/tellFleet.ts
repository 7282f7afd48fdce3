import type { FleetReason } from '../../resource/fleetReasons.ts';
import type { RingStatus, WhatsAppFleet, WhatsAppFleetStatus } from '../../resource/whatsAppFleet.ts';
import type { Halt, Rollout, StagedRing } from './fleetRollout.ts';
import type { Stage } from './stackStage.ts';

const MOST_STACKS = 32;

interface Telling {
  readonly fleet: WhatsAppFleet;
  readonly rings: readonly StagedRing[];
  readonly rollout: Rollout;
  readonly halt: Halt | undefined;
  readonly withoutRing: number;
  readonly nowMs: number;
}

/** The status of a fleet. */
export function tellFleet(telling: Telling): WhatsAppFleetStatus {
  const { fleet, rings, rollout, halt, withoutRing, nowMs } = telling;
  const all = rings.flatMap(({ stacks }) => stacks);
  const current = rings.find(({ phase }) => phase !== 'Done');
  const updated = all.filter(({ stage }) => stage.is === 'Updated').length;
  const complete = completeOf(telling, current);
  return {
    observedGeneration: fleet.metadata.generation,
    phase: halt ? 'Halted' : complete.reason,
    conditions: [
      conditionOf(fleet, 'Complete', complete, nowMs),
      conditionOf(
        fleet,
        'Halted',
        halt
          ? {
              status: 'True',
              reason: halt.cause,
              message: `ring ${halt.ring}: ${halt.stack}: ${halt.message}`,
            }
          : NOT_HALTED,
        nowMs,
      ),
    ],
    target: {
      ...(rollout.version === undefined ? {} : { version: rollout.version }),
      hash: rollout.hash,
      since: rollout.since,
      unfinishedSince: rollout.unfinishedSince,
      isRollback: rollout.isRollback,
    },
    ...(rollout.previousVersion === undefined ? {} : { previousVersion: rollout.previousVersion }),
    ...(halt
      ? {
          halt: {
            attempt: halt.attempt,
            ring: halt.ring,
            stack: halt.stack,
            message: halt.message,
            at: halt.at,
          },
        }
      : {}),
    rings: rings.map((ring) => ringStatusOf(ring, halt)),
    stacks: shownOf(rings),
    summary: {
      updated: `${updated}/${all.length}`,
      ...(current ? { ring: current.ring.spec.name } : {}),
      ...(withoutRing > 0 ? { withoutRing } : {}),
    },
  };
}

function completeOf({ fleet, rings, withoutRing }: Telling, current: StagedRing | undefined): Verdict {
  if (!current) {
    const left = withoutRing > 0 ? `; no ring takes ${withoutRing} other stacks` : '';
    const held = heldIn(rings);
    const note = held > 0 ? `; ${held} are held, see status.stacks` : '';
    return { status: 'True', reason: 'Complete', message: `every ring is done${note}${left}` };
  }
  const { ring, phase, stacks, soakedAtMs } = current;
  const { name } = ring.spec;
  if (fleet.spec.paused)
    return { status: 'False', reason: 'Paused', message: `spec.paused is true; ring ${name} is next` };
  if (phase === 'Soaking')
    return {
      status: 'False',
      reason: 'Soaking',
      message: `ring ${name} is up to date and soaks until ${new Date(soakedAtMs ?? 0).toISOString()}`,
    };
  const count = (is: Stage['is']) => stacks.filter(({ stage }) => stage.is === is).length;
  return {
    status: 'False',
    reason: 'Rolling',
    message: `ring ${name}: ${count('Updated')} of ${stacks.length} up to date, ${count('Rolling')} changing, ${count('Failed')} failed, ${count('Held')} held`,
  };
}

const heldIn = (rings: readonly StagedRing[]): number =>
  rings.flatMap(({ stacks }) => stacks).filter(({ stage }) => stage.is === 'Held').length;

function ringStatusOf({ ring, stacks, phase, updatedAtMs }: StagedRing, halt: Halt | undefined): RingStatus {
  const count = (is: Stage['is']) => stacks.filter(({ stage }) => stage.is === is).length;
  return {
    name: ring.spec.name,
    phase: halt?.ring === ring.spec.name ? 'Halted' : phase,
    stacks: stacks.length,
    updated: count('Updated'),
    rolling: count('Rolling'),
    waiting: count('Waiting'),
    held: count('Held'),
    failed: count('Failed'),
    ...(updatedAtMs === undefined ? {} : { updatedAt: new Date(updatedAtMs).toISOString() }),
  };
}

const SHOWN = ['Failed', 'Rolling', 'Held'] as const;

function shownOf(rings: readonly StagedRing[]): NonNullable<WhatsAppFleetStatus['stacks']> {
  const all = rings.flatMap(({ ring, stacks }) =>
    stacks.map(({ stack, stage }) => ({ name: stack.key, ring: ring.spec.name, stage })),
  );
  return SHOWN.flatMap((state) =>
    all.flatMap(({ name, ring, stage }) =>
      stage.is === state ? [{ name, ring, state, reason: stage.reason.slice(0, 1024) }] : [],
    ),
  ).slice(0, MOST_STACKS);
}

interface Verdict {
  readonly status: 'True' | 'False';
  readonly reason: FleetReason;
  readonly message: string;
}

function conditionOf(
  { metadata, status }: WhatsAppFleet,
  type: 'Complete' | 'Halted',
  verdict: Verdict,
  nowMs: number,
) {
  const before = status?.conditions?.find((condition) => condition.type === type);
  return {
    type,
    ...verdict,
    message: verdict.message.slice(0, 4096),
    observedGeneration: metadata.generation,
    lastTransitionTime:
      before?.status === verdict.status ? before.lastTransitionTime : new Date(nowMs).toISOString(),
  };
}

/** The status of a fleet that may do nothing. What it did before stays. */
export const tellNothing = (
  fleet: WhatsAppFleet,
  reason: FleetReason,
  message: string,
  nowMs: number,
): WhatsAppFleetStatus => ({
  ...fleet.status,
  observedGeneration: fleet.metadata.generation,
  phase: reason,
  conditions: [
    conditionOf(fleet, 'Complete', { status: 'False', reason, message }, nowMs),
    conditionOf(fleet, 'Halted', NOT_HALTED, nowMs),
  ],
});

const NOT_HALTED = { status: 'False', reason: 'NotHalted', message: 'no stack has failed' } as const;
