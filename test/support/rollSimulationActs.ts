import { podsIn } from '../simulation/workloads/kubelet.ts';
import { NAMESPACE } from './rollSimulationProcess.ts';
import { type Act, changedSpec, type Step } from './rollSimulationSteps.ts';
import type { RollWorld } from './rollSimulationWorld.ts';

/** What a step finds when its turn comes. */
interface Turn {
  readonly world: RollWorld;
  readonly step: Step;
  /** The name of a pod. */
  readonly pod: string;
  /** A process that runs. */
  readonly process: RollWorld['processes'][number] | undefined;
  /** `for 3.0 s` */
  readonly duration: string;
}

/** What each act does, and says that it does. */
const ACTS: { readonly [A in Act]: (turn: Turn) => string } = {
  change: ({ world, step: { changes, dice, more } }) => {
    world.change(changedSpec(world.model, changes, dice, more));
    return `a user changes ${changes.join(', ')}`;
  },
  rotate: ({ world, step }) => {
    world.rotate(step.more);
    return 'a user changes a Secret that pods read';
  },
  approve: ({ world }) => {
    world.approve();
    return 'a user approves the generation';
  },
  controllers: ({ world, step, duration }) => {
    world.manager.stop(step.forMs);
    return `the controllers stop ${duration}`;
  },
  flap: ({ world, step, pod, duration }) => {
    world.kubelets.flap(pod, step.forMs);
    return `${pod} flaps ${duration}`;
  },
  crash: ({ world, pod }) => {
    world.kubelets.crash(pod);
    return `${pod} crashes`;
  },
  machine: ({ world, step, duration }) => {
    world.kubelets.crashMachine(step.dice, step.forMs);
    return `a machine is down ${duration}`;
  },
  evict: ({ world, pod }) => {
    for (const found of podsIn(world.user, NAMESPACE))
      if (found.metadata.name === pod) world.user.delete(found);
    return `a user deletes ${pod}`;
  },
  disconnect: ({ world, step, duration }) => {
    world.stack.disconnect(step.dice, step.forMs);
    return `an owner loses its session ${duration}`;
  },
  suspend: ({ world, step, process, duration }) => {
    process?.suspend();
    world.clock.after(step.forMs, () => process?.resume());
    return `operator ${process?.id} is suspended ${duration}`;
  },
  kill: ({ world, step, process }) => {
    process?.kill();
    world.clock.after(step.forMs, () => world.start('c'));
    return `operator ${process?.id} is killed`;
  },
  outage: ({ world, step, duration }) => {
    world.outageUntilMs = world.clock.now() + step.forMs;
    return `the API server cannot be reached ${duration}`;
  },
  apiOutage: ({ world, step, duration }) => {
    world.apiOutageUntilMs = world.clock.now() + step.forMs;
    return `the API of the stack cannot be reached ${duration}`;
  },
  compact: ({ world }) => {
    world.compact();
    return 'the API server forgets its history';
  },
};

export function take(world: RollWorld, step: Step): void {
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(step.dice * items.length)];
  const pod = pick(world.kubelets.pods()) ?? '';
  const process = pick(world.processes.filter(({ alive }) => alive));
  const duration = `for ${(step.forMs / 1000).toFixed(1)} s`;
  // Said after the fact, so what it caused at once stands before it.
  world.monitor.say(`--- ${ACTS[step.act]({ world, step, pod, process, duration })}`);
}
