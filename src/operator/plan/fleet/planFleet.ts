import type { FleetReason } from '../../resource/fleetReasons.ts';
import type { WhatsAppFleet, WhatsAppFleetStatus } from '../../resource/whatsAppFleet.ts';
import { changesOf, type FleetChange, settledChangesOf } from './fleetChange.ts';
import { type Halt, type Rollout, rolloutOf, type StagedRing, type StagedStack } from './fleetRollout.ts';
import { targetOf } from './fleetTarget.ts';
import { ringsOf, roomOf } from './ringsOf.ts';
import { type FleetStack, stageOf } from './stackStage.ts';
import { tellFleet, tellNothing } from './tellFleet.ts';

export interface FleetObserved {
  readonly fleet: WhatsAppFleet;
  readonly stacks: readonly FleetStack[];
  /** Why the fleet may not select what it selects. */
  readonly notAllowed?: string | undefined;
  /** Epoch ms. */
  readonly nowMs: number;
}

export interface FleetPlan {
  readonly changes: readonly FleetChange[];
  readonly status: WhatsAppFleetStatus;
  /** Epoch ms when time alone changes the plan; undefined if only a change of an object does. */
  readonly againMs: number | undefined;
}

/** Deadlines of stacks and their messages are looked at this often while a rollout is under way. */
const LOOK_AGAIN_MS = 15_000;
/** A pure function: which stacks change now, and what the status says. */
export function planFleet(observed: FleetObserved): FleetPlan {
  const { fleet, stacks, notAllowed, nowMs } = observed;
  if (notAllowed !== undefined) return nothing(fleet, 'NotAllowed', notAllowed, nowMs);
  if (stacks.length === 0)
    return nothing(fleet, 'NoStacks', 'no WhatsAppDeployment has the labels of spec.selector', nowMs);
  const target = targetOf(fleet);
  const rollout = rolloutOf(fleet, target, stacks, nowMs);
  const staged = ringsOf(fleet.spec.rings, stacks);
  const judged = staged.rings.map((ring) => ({
    ring,
    stacks: ring.members.map(
      (stack): StagedStack => ({
        stack,
        stage: stageOf(stack, target, { fleet, rollout, nowMs }),
      }),
    ),
  }));
  const rings = phasesOf(judged, fleet, rollout, nowMs);
  const halt = haltOf(rings, fleet, rollout, nowMs);
  const mayBegin = halt === undefined && !fleet.spec.paused;
  const changes = rings.flatMap((ring) => [
    ...(mayBegin && ring.phase === 'Rolling' ? begun(ring) : []).flatMap((stack) =>
      changesOf(stack, fleet, target, nowMs),
    ),
    ...ring.stacks.flatMap(({ stack, stage }) => (stage.is === 'Updated' ? settledChangesOf(stack) : [])),
  ]);
  const status = tellFleet({ fleet, rings, rollout, halt, withoutRing: staged.withoutRing.length, nowMs });
  const soaksUntil = rings.flatMap(({ phase, soakedAtMs }) =>
    phase === 'Soaking' ? (soakedAtMs ?? []) : [],
  );
  const isUnderWay = rings.some(({ phase }) => phase === 'Rolling' || phase === 'Soaking');
  return {
    changes,
    status,
    againMs: isUnderWay && halt === undefined ? Math.min(nowMs + LOOK_AGAIN_MS, ...soaksUntil) : undefined,
  };
}

const nothing = (...told: Parameters<typeof tellNothing>): FleetPlan => ({
  changes: [],
  status: tellNothing(...told),
  againMs: undefined,
});

/** Each ring begins when the one before it is done. */
function phasesOf(
  judged: readonly Pick<StagedRing, 'ring' | 'stacks'>[],
  fleet: WhatsAppFleet,
  rollout: Rollout,
  nowMs: number,
): StagedRing[] {
  let isOpen = true;
  return judged.map(({ ring, stacks }) => {
    const known = rollout.isNew
      ? undefined
      : fleet.status?.rings?.find(({ name }) => name === ring.spec.name);
    const left = stacks.some(({ stage: { is } }) => is === 'Waiting' || is === 'Rolling');
    const failed = stacks.some(({ stage: { is } }) => is === 'Failed');
    const wasDone = known?.phase === 'Done';
    const isUpdated = !left && (!failed || wasDone || rollout.isRollback);
    // A ring with nothing to do needs no soaking: nothing of it changed.
    const hadNothing = isUpdated && (known === undefined || known.phase === 'Waiting');
    const updatedAtMs = isUpdated ? (knownTime(known?.updatedAt) ?? nowMs) : undefined;
    const soakMs = hadNothing || wasDone || rollout.isRollback ? 0 : ring.spec.soakSeconds * 1000;
    const soakedAtMs = updatedAtMs === undefined ? undefined : updatedAtMs + soakMs;
    const isDone = soakedAtMs !== undefined && soakedAtMs <= nowMs;
    const phase = !isOpen ? 'Waiting' : isDone ? 'Done' : isUpdated ? 'Soaking' : 'Rolling';
    isOpen = isOpen && isDone;
    return { ring, stacks, phase, updatedAtMs: phase === 'Waiting' ? undefined : updatedAtMs, soakedAtMs };
  });
}

const knownTime = (time: string | undefined): number | undefined =>
  time === undefined || Number.isNaN(Date.parse(time)) ? undefined : Date.parse(time);

/** The first failure, until a new attempt or another target. A rollback goes on, because staying is no better. */
function haltOf(
  rings: readonly StagedRing[],
  fleet: WhatsAppFleet,
  rollout: Rollout,
  nowMs: number,
): Halt | undefined {
  if (rollout.isRollback) return undefined;
  const { spec, status } = fleet;
  const known = rollout.isNew ? undefined : status?.halt;
  const failures = rings
    .filter(({ phase }) => phase === 'Rolling' || phase === 'Soaking')
    .flatMap(({ ring, stacks }) =>
      stacks.flatMap(({ stack, stage }) =>
        stage.is === 'Failed' ? [{ ring: ring.spec.name, stack, stage }] : [],
      ),
    );
  if (known?.attempt === spec.attempt && known.stack !== undefined) {
    const condition = status?.conditions?.find(({ type }) => type === 'Halted');
    return {
      attempt: spec.attempt,
      ring: known.ring ?? '',
      stack: known.stack,
      cause: (condition?.reason as FleetReason | undefined) ?? 'StackFailed',
      message: known.message ?? '',
      at: known.at ?? new Date(nowMs).toISOString(),
    };
  }
  const [first] = failures;
  return (
    first && {
      attempt: spec.attempt,
      ring: first.ring,
      stack: first.stack.key,
      cause: first.stage.cause,
      message: first.stage.reason.slice(0, 1024),
      at: new Date(nowMs).toISOString(),
    }
  );
}

/** The stacks of a ring that begin now. */
function begun({ ring, stacks }: StagedRing): FleetStack[] {
  const waiting = stacks.filter(({ stage }) => stage.is === 'Waiting').map(({ stack }) => stack);
  const isReady = ({ resource }: FleetStack) =>
    resource?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  // Another change of a stack that is down costs nobody anything.
  const down = waiting.filter((stack) => !isReady(stack));
  const rolling = stacks.filter(({ stage }) => stage.is === 'Rolling').length;
  const room = Math.max(0, roomOf(ring) - rolling - down.length);
  return [...down, ...waiting.filter((stack) => !down.includes(stack)).slice(0, room)];
}
