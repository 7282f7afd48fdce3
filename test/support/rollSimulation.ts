import type { Logger } from '../../src/base/logger.ts';
import { ApiError } from '../../src/engine/kube/apiError.ts';
import { type KubeObject, kinds, kindOf, resourcePath } from '../../src/engine/kube/kubeObject.ts';
import type { KubeRequest } from '../../src/engine/kube/transport.ts';
import { names } from '../../src/operator/plan/facts/names.ts';
import { SimulatedApiServer } from '../simulation/simulatedApiServer.ts';
import type { Fault } from '../simulation/simulatedTransport.ts';
import { VirtualClock } from '../simulation/virtualClock.ts';
import { Actors, ClusterAccess, isReady, isTerminating } from '../simulation/workloads/clusterAccess.ts';
import { ControllerManager } from '../simulation/workloads/controllerManager.ts';
import { DeploymentController } from '../simulation/workloads/deploymentController.ts';
import { JobController } from '../simulation/workloads/jobController.ts';
import { Kubelets, podsIn } from '../simulation/workloads/kubelet.ts';
import { StatefulSetController } from '../simulation/workloads/statefulSetController.ts';
import { serveWorkloads } from '../simulation/workloads/workloadKinds.ts';
import { type ApiFault, StackAccounts } from './rollSimulationApi.ts';
import { RollMonitor, type Violation } from './rollSimulationMonitor.ts';
import { NAMESPACE, RollProcess } from './rollSimulationProcess.ts';
import {
  corrected,
  outdated,
  PASSWORD,
  ROLES,
  registeredStack,
  resourceOf,
  roleOf,
  type SpecModel,
  STACK,
  StackKind,
  serveStacks,
  specOf,
  wantedPods,
} from './rollSimulationSpec.ts';
import { SimulatedStack } from './rollSimulationStack.ts';
import { changedSpec, firstSpec, type Step, stepsOf } from './rollSimulationSteps.ts';
import { seeded } from './schedule.ts';

export interface RollOptions {
  readonly seed: number;
  /** Only these of the seed's steps, by index; all unless given. */
  readonly only?: ReadonlySet<number>;
}

export interface RollResult {
  readonly violations: readonly Violation[];
  readonly timeline: readonly string[];
  readonly restarts: number;
  /** Virtual milliseconds from the end of the faults until everything had converged. */
  readonly convergedAfterMs: number;
}

const START_MS = 300_000;
const CONVERGE_MS = 900_000;
const LOOK_MS = 5_000;

/** Runs one schedule: a stack starts, its spec changes and faults strike, and then the faults end. */
export const runRolls = (options: RollOptions): Promise<RollResult> => new Rolls(options).run();

class Rolls {
  readonly #steps: readonly Step[];
  readonly #random: () => number;
  readonly #clock = new VirtualClock(Date.UTC(2026, 0, 1));
  readonly #server: SimulatedApiServer;
  readonly #actors = new Actors();
  readonly #user: ClusterAccess;
  readonly #manager: ControllerManager;
  readonly #jobs: JobController;
  readonly #kubelets: Kubelets;
  readonly #stack: SimulatedStack;
  readonly #accounts = new StackAccounts(PASSWORD);
  readonly #monitor: RollMonitor;
  readonly #processes: RollProcess[] = [];
  readonly #weather: number;
  #model: SpecModel;
  #chaos = false;
  #outageUntilMs = 0;
  #apiOutageUntilMs = 0;
  #started = 0;
  /** When the Secrets that pods read changed last. */
  #rotatedMs = 0;

  constructor({ seed, only }: RollOptions) {
    serveWorkloads();
    serveStacks();
    const choose = seeded(seed);
    this.#model = firstSpec(choose);
    this.#weather = choose();
    this.#steps = stepsOf(choose).filter((_, index) => only?.has(index) ?? true);
    this.#random = seeded(seed ^ 0x5bd1e995);
    this.#server = new SimulatedApiServer({ clock: this.#clock });
    const context = { server: this.#server, actors: this.#actors, clock: this.#clock, random: this.#random };
    this.#user = new ClusterAccess(this.#server, this.#actors, 'a user');
    this.#jobs = new JobController(context);
    this.#monitor = new RollMonitor({
      clock: this.#clock,
      access: this.#user,
      actor: () => this.#actors.current,
      stack: () => this.#stack,
    });
    this.#manager = new ControllerManager(context, [
      new StatefulSetController(context),
      new DeploymentController(context),
      this.#jobs,
    ]);
    this.#kubelets = new Kubelets(context);
    this.#stack = new SimulatedStack(
      {
        clock: this.#clock,
        random: this.#random,
        kubelets: this.#kubelets,
        onServed: (served) => this.#monitor.say(`served shards: ${served.join(', ') || 'none'}`),
      },
      this.#model.shards,
      this.#model.isCluster,
    );
  }

  async run(): Promise<RollResult> {
    for (const object of registeredStack(this.#model, new Date(this.#clock.now()))) this.#user.create(object);
    for (const name of ['a', 'b']) this.#start(name);
    await this.#converge(START_MS, 'at the start');
    this.#chaos = true;
    this.#manager.lagMs = () => this.#lagMs();
    this.#jobs.failing = 0.03;
    for (const step of this.#steps) {
      await this.#clock.advance(step.afterMs);
      this.#act(step);
    }
    const convergedAfterMs = await this.#heal();
    for (const process of this.#processes) process.kill();
    const { violations, timeline, restarts } = this.#monitor;
    return { violations, timeline, restarts, convergedAfterMs };
  }

  #start(name: string): void {
    const id = `${name}${++this.#started}`;
    this.#monitor.say(`operator ${id} starts`);
    this.#processes.push(
      new RollProcess({
        id,
        server: this.#server,
        actors: this.#actors,
        clock: this.#clock,
        random: this.#random,
        stack: this.#stack,
        accounts: this.#accounts,
        kubeFault: (request) => this.#kubeFault(request),
        apiFault: () => this.#apiFault(),
        logger: this.#logger(id),
        onEnd: () => this.#clock.after(1000, () => this.#start(name)),
      }),
    );
  }

  /** Warnings of a process belong to the timeline. */
  #logger(id: string): Logger {
    const write = (message: string, fields?: object) =>
      this.#monitor.say(`operator ${id}: ${message} ${JSON.stringify(fields ?? {})}`);
    const silent = () => {};
    const logger: Logger = { debug: process.env.DBG ? write: silent, info: silent, warn: write, error: write, child: () => logger };
    return logger;
  }

  #lagMs(): number {
    const dice = this.#random();
    if (dice < 0.7) return this.#random() * 50;
    return dice < 0.95 ? this.#random() * 1000 : 1000 + this.#random() * 4000;
  }

  #kubeFault({ path, query }: KubeRequest): Fault {
    // No cluster of these schedules has the optional kinds.
    if (/\/(certificates|podmonitors)$/.test(path)) return { outcome: refusal(404, 'NotFound') };
    const latency = { delayMs: this.#random() * 15, answerDelayMs: this.#random() * 15 };
    if (!this.#chaos) return latency;
    if (this.#clock.now() < this.#outageUntilMs) return { ...latency, outcome: 'lost' };
    const dice = this.#random() / (0.1 + this.#weather);
    if (query?.watch) {
      const watch = { ...latency, ...(this.#random() < 0.4 ? { lagMs: this.#random() * 6000 } : {}) };
      if (dice < 0.1) return { ...watch, cutAfterMs: this.#random() * 20_000 };
      if (dice < 0.15) return { ...watch, silentAfterMs: this.#random() * 20_000 };
      return dice < 0.2 ? { ...watch, outcome: 'lost' } : watch;
    }
    if (dice < 0.02) return { ...latency, outcome: 'lost' };
    if (dice < 0.04) return { ...latency, outcome: 'unanswered' };
    if (dice < 0.06) return { ...latency, outcome: refusal(500, 'InternalError') };
    if (dice < 0.07) return { ...latency, outcome: refusal(409, 'Conflict') };
    if (dice < 0.1) return { delayMs: this.#random() * 12_000, answerDelayMs: this.#random() * 12_000 };
    return latency;
  }

  #apiFault(): ApiFault {
    const latency = { delayMs: this.#random() * 20, answerDelayMs: this.#random() * 20 };
    if (!this.#chaos) return latency;
    if (this.#clock.now() < this.#apiOutageUntilMs) return { ...latency, outcome: 'lost' };
    const dice = this.#random() / (0.1 + this.#weather);
    if (dice < 0.03) return { ...latency, outcome: 'lost' };
    if (dice < 0.05) return { ...latency, outcome: 'unanswered' };
    if (dice < 0.07) return { ...latency, outcome: 'error' };
    if (dice < 0.09) return { ...latency, outcome: 'unauthorised' };
    if (dice < 0.12) return { delayMs: this.#random() * 5000, answerDelayMs: this.#random() * 8000 };
    return latency;
  }

  #pick<T>(items: readonly T[], dice: number): T | undefined {
    return items[Math.floor(dice * items.length)];
  }

  #act({ act, dice, more, forMs, changes }: Step): void {
    const process = this.#pick(
      this.#processes.filter(({ alive }) => alive),
      dice,
    );
    const pod = this.#pick(this.#kubelets.pods(), dice) ?? '';
    const say = (what: string) => this.#monitor.say(`--- ${what}`);
    const forSeconds = `for ${(forMs / 1000).toFixed(1)} s`;
    switch (act) {
      case 'change':
        say(`a user changes ${changes.join(', ')}`);
        return this.#change(changedSpec(this.#model, changes, dice, more));
      case 'rotate':
        say('a user changes a Secret that pods read');
        return this.#rotate(more);
      case 'controllers':
        say(`the controllers stop ${forSeconds}`);
        return this.#manager.stop(forMs);
      case 'flap':
        say(`${pod} flaps ${forSeconds}`);
        return this.#kubelets.flap(pod, forMs);
      case 'crash':
        say(`${pod} crashes`);
        return this.#kubelets.crash(pod);
      case 'machine':
        say(`a machine is down ${forSeconds}`);
        return this.#kubelets.crashMachine(Math.floor(dice * 3), forMs);
      case 'evict':
        say(`a user deletes ${pod}`);
        return podsIn(this.#user, NAMESPACE)
          .filter(({ metadata }) => metadata.name === pod)
          .forEach((found) => this.#user.delete(found));
      case 'disconnect':
        say(`an owner loses its session ${forSeconds}`);
        return this.#stack.disconnect(dice, forMs);
      case 'suspend':
        say(`operator ${process?.id} is suspended ${forSeconds}`);
        process?.suspend();
        this.#clock.after(forMs, () => process?.resume());
        return;
      case 'kill':
        say(`operator ${process?.id} is killed`);
        process?.kill();
        this.#clock.after(forMs / 4, () => this.#start('c'));
        return;
      case 'outage':
        say(`the API server cannot be reached ${forSeconds}`);
        this.#outageUntilMs = this.#clock.now() + forMs;
        return;
      case 'apiOutage':
        say(`the API of the stack cannot be reached ${forSeconds}`);
        this.#apiOutageUntilMs = this.#clock.now() + forMs;
        return;
      case 'compact':
        return this.#server.compact();
    }
  }

  #change(model: SpecModel): void {
    this.#model = model;
    const stack = this.#user.get(StackKind, NAMESPACE, STACK);
    if (!stack) return;
    // A replacement, not a merge: a field that is left out must go.
    this.#actors.as('a user', () =>
      this.#server.handle({
        method: 'PUT',
        path: resourcePath(kindOf(stack), NAMESPACE, STACK),
        body: { ...stack, spec: specOf(model) },
        query: { fieldManager: 'user' },
      }),
    );
  }

  #rotate(dice: number): void {
    const of = names(STACK);
    const secret = this.#user.get(kinds.Secret, NAMESPACE, dice < 0.5 ? of.databaseSecret : of.keysSecret);
    if (!secret) return;
    this.#rotatedMs = this.#clock.now();
    this.#user.patch(secret, { data: { rotated: Buffer.from(String(dice)).toString('base64') } });
  }

  async #heal(): Promise<number> {
    this.#chaos = false;
    this.#monitor.say('--- the faults end');
    this.#manager.lagMs = () => this.#random() * 40;
    this.#manager.go();
    this.#jobs.failing = 0;
    for (const process of this.#processes) process.resume();
    if (!this.#processes.some(({ alive }) => alive)) this.#start('d');
    if (JSON.stringify(corrected(this.#model)) !== JSON.stringify(this.#model)) this.#change(corrected(this.#model));
    return this.#converge(CONVERGE_MS, 'after the faults');
  }

  async #converge(withinMs: number, when: string): Promise<number> {
    const startedMs = this.#clock.now();
    let problems: string[];
    do {
      await this.#clock.advance(LOOK_MS);
      this.#deleteFailedJobs();
      problems = this.#unsettled();
    } while (problems.length > 0 && this.#clock.now() - startedMs < withinMs);
    if (problems.length > 0) this.#monitor.broke('converges', `${when}: ${problems.join('; ')}`);
    return this.#clock.now() - startedMs;
  }

  /** As the message of the condition tells a user to. */
  #deleteFailedJobs(): void {
    for (const job of this.#user.list(kinds.Job, NAMESPACE)) {
      const { conditions = [] } = (job.status ?? {}) as { conditions?: { type: string }[] };
      if (conditions.some(({ type }) => type === 'Failed')) this.#user.delete(job);
    }
  }

  #unsettled(): string[] {
    const stack = this.#user.get(StackKind, NAMESPACE, STACK) as KubeObject;
    const resource = resourceOf(stack);
    const pods = podsIn(this.#user, NAMESPACE);
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
      const isOlder = Date.parse(creationTimestamp) + 1000 < this.#rotatedMs;
      if (isOlder && roleOf(pod) !== 'database') problems.push(`${name} has old Secrets`);
    }
    const ready = resource.status?.conditions?.find(({ type }) => type === 'Ready');
    if (ready?.status !== 'True' || ready.observedGeneration !== resource.metadata.generation)
      problems.push(`Ready is ${ready?.status}: ${ready?.message}`);
    return problems;
  }
}

const refusal = (status: number, reason: string): ApiError =>
  new ApiError(status, { reason, message: 'simulated' }, 'simulated');
