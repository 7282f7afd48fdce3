import { seeded } from '../../src/base/seeded.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { isReady, isTerminating } from '../simulation/workloads/clusterAccess.ts';
import { podsIn } from '../simulation/workloads/kubelet.ts';
import { take } from './rollSimulationActs.ts';
import { readyCondition, type Violation } from './rollSimulationMonitor.ts';
import { NAMESPACE } from './rollSimulationProcess.ts';
import {
  corrected,
  outdated,
  ROLES,
  resourceOf,
  roleOf,
  STACK,
  StackKind,
  wantedPods,
} from './rollSimulationSpec.ts';
import { firstSpec, stepsOf } from './rollSimulationSteps.ts';
import { RollWorld } from './rollSimulationWorld.ts';

export interface RollOptions {
  readonly seed: number;
  /** Only these of the seed's steps, by index; all unless given. */
  readonly only?: ReadonlySet<number>;
}

export interface RollResult {
  /** How many steps the schedule had. */
  readonly steps: number;
  readonly violations: readonly Violation[];
  readonly timeline: readonly string[];
  /** Voluntary restarts of Ready pods. */
  readonly restarts: number;
  /** Virtual milliseconds from the end of the faults until everything had converged. */
  readonly convergedAfterMs: number;
}

const START_MS = 300_000;
/** How long a user takes to approve what is left when the faults have ended. */
const APPROVAL_MS = 60_000;
/** A stack of a few pods restarts within this time, even if each takes its whole grace period and a failover. */
const CONVERGE_MS = 900_000;
const LOOK_MS = 5_000;

/** Runs one schedule: a stack starts, its spec changes and faults strike, and then the faults end. */
export async function runRolls({ seed, only }: RollOptions): Promise<RollResult> {
  const choose = seeded(seed);
  const [model, weather] = [firstSpec(choose), choose()];
  const steps = stepsOf(choose).filter((_, index) => only?.has(index) ?? true);
  const world = new RollWorld(model, weather, seeded(seed ^ 0x5bd1e995));
  for (const name of ['a', 'b']) world.start(name);
  await converge(world, START_MS, 'at the start');
  world.beginFaults();
  for (const step of steps) {
    await world.clock.advance(step.afterMs);
    take(world, step);
  }
  world.monitor.say('--- the faults end');
  world.endFaults();
  const fine = corrected(world.model);
  if (JSON.stringify(fine) !== JSON.stringify(world.model)) world.change(fine);
  if (fine.isManual) {
    await world.clock.advance(APPROVAL_MS);
    world.approve();
    world.monitor.say('a user approves the generation');
  }
  const convergedAfterMs = await converge(world, CONVERGE_MS, 'after the faults');
  for (const process of world.processes) process.kill();
  const { violations, timeline, restarts } = world.monitor;
  return { steps: steps.length, violations, timeline, restarts, convergedAfterMs };
}

async function converge(world: RollWorld, withinMs: number, when: string): Promise<number> {
  const startedMs = world.clock.now();
  let problems: string[];
  do {
    await world.clock.advance(LOOK_MS);
    deleteFailedJobs(world);
    problems = unsettled(world);
  } while (problems.length > 0 && world.clock.now() - startedMs < withinMs);
  if (problems.length > 0) world.monitor.broke('converges', `${when}: ${problems.join('; ')}`);
  return world.clock.now() - startedMs;
}

/** As the message of the condition tells a user to. */
function deleteFailedJobs({ user }: RollWorld): void {
  for (const job of user.list(kinds.Job, NAMESPACE)) {
    const { conditions = [] } = (job.status ?? {}) as { conditions?: { type: string }[] };
    if (conditions.some(({ type }) => type === 'Failed')) user.delete(job);
  }
}

/** What differs from what the resource asks for. */
function unsettled({ user, rotatedMs }: RollWorld): string[] {
  const stack = user.get(StackKind, NAMESPACE, STACK) as KubeObject;
  const resource = resourceOf(stack);
  const pods = podsIn(user, NAMESPACE);
  const wanted = wantedPods(resource);
  const problems = ROLES.flatMap((role) => {
    const count = pods.filter((pod) => roleOf(pod) === role).length;
    return count === wanted[role] ? [] : [`${count} of ${wanted[role]} pods of role ${role}`];
  });
  for (const pod of pods) {
    const { name, creationTimestamp = '' } = pod.metadata;
    if (!isReady(pod) || isTerminating(pod)) problems.push(`${name} is not Ready`);
    const difference = outdated(resource, pod);
    if (difference) problems.push(difference);
    // Kubernetes rounds times down to seconds.
    const isOlder = Date.parse(creationTimestamp) + 1000 < rotatedMs;
    if (isOlder && roleOf(pod) !== 'database') problems.push(`${name} has old Secrets`);
  }
  const ready = readyCondition(stack);
  if (ready?.status !== 'True' || ready.observedGeneration !== resource.metadata.generation)
    problems.push(`Ready is ${ready?.status}: ${ready?.message}`);
  return problems;
}
