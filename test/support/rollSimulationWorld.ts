import type { Logger } from '../../src/base/logger.ts';
import { VirtualClock } from '../../src/base/virtualClock.ts';
import { ApiError } from '../../src/engine/kube/apiError.ts';
import { kindOf, kinds, resourcePath } from '../../src/engine/kube/kubeObject.ts';
import type { KubeRequest } from '../../src/engine/kube/transport.ts';
import { SimulatedApiServer } from '../../src/engine/simulation/simulatedApiServer.ts';
import type { Fault } from '../../src/engine/simulation/simulatedTransport.ts';
import { serveWorkloads } from '../../src/engine/simulation/workloadKinds.ts';
import { APPROVED_GENERATION, names } from '../../src/operator/plan/facts/names.ts';
import {
  OPTIONAL_KINDS,
  WhatsAppBackupKind,
  WhatsAppFleetKind,
} from '../../src/operator/state/stackSources.ts';
import { Actors, ClusterAccess } from '../simulation/workloads/clusterAccess.ts';
import { ControllerManager } from '../simulation/workloads/controllerManager.ts';
import { DeploymentController } from '../simulation/workloads/deploymentController.ts';
import { JobController } from '../simulation/workloads/jobController.ts';
import { Kubelets } from '../simulation/workloads/kubelet.ts';
import { StatefulSetController } from '../simulation/workloads/statefulSetController.ts';
import { type ApiFault, StackAccounts } from './rollSimulationApi.ts';
import { RollMonitor } from './rollSimulationMonitor.ts';
import { NAMESPACE, RollProcess } from './rollSimulationProcess.ts';
import {
  PASSWORD,
  registeredStack,
  type SpecModel,
  STACK,
  StackKind,
  serveStacks,
  specOf,
} from './rollSimulationSpec.ts';
import { SimulatedStack } from './rollSimulationStack.ts';

const ABSENT = [...OPTIONAL_KINDS, WhatsAppBackupKind, WhatsAppFleetKind];

/** The share of Jobs that fail while there are faults. */
const FAILING_JOBS = 0.03;

/** The share of restarts on the worst day that end badly for their process. */
const AMBUSHES = 0.4;

/** Most watches lag by up to this. It also joins changes that come together, so that a schedule runs faster. */
const USUAL_LAG_MS = 400;

/** A cluster with one stack and the processes of its operator, under virtual time. Everything random comes from `random`. */
export class RollWorld {
  readonly clock = new VirtualClock(Date.UTC(2026, 0, 1));
  readonly user: ClusterAccess;
  readonly manager: ControllerManager;
  readonly kubelets: Kubelets;
  readonly stack: SimulatedStack;
  readonly monitor: RollMonitor;
  readonly processes: RollProcess[] = [];
  readonly #server = new SimulatedApiServer({ clock: this.clock });
  readonly #actors = new Actors();
  readonly #jobs: JobController;
  readonly #accounts = new StackAccounts(PASSWORD);
  readonly #random: () => number;
  /** From 0, a fair day, to 1. */
  readonly #weather: number;
  #model: SpecModel;
  #chaos = false;
  #started = 0;
  #rotatedMs = 0;
  /** Until when the API server and the API of the stack cannot be reached. */
  outageUntilMs = 0;
  apiOutageUntilMs = 0;

  constructor(model: SpecModel, weather: number, random: () => number) {
    serveWorkloads();
    serveStacks();
    this.#model = model;
    this.#weather = weather;
    this.#random = random;
    const { clock } = this;
    const context = { server: this.#server, actors: this.#actors, clock, random };
    this.user = new ClusterAccess(this.#server, this.#actors, 'a user');
    this.monitor = new RollMonitor({
      clock,
      access: this.user,
      actor: () => this.#actors.current,
      stack: () => this.stack,
    });
    this.#jobs = new JobController(context);
    this.manager = new ControllerManager(context, [
      new StatefulSetController(context),
      new DeploymentController(context),
      this.#jobs,
    ]);
    this.kubelets = new Kubelets(context);
    const onServed = (served: readonly number[]) =>
      this.monitor.say(`served shards: ${served.join(', ') || 'none'}`);
    this.stack = new SimulatedStack(
      { clock, random, kubelets: this.kubelets, onServed },
      model.shards,
      model.isCluster,
    );
    for (const object of registeredStack(model, new Date(clock.now()))) this.user.create(object);
  }

  get model(): SpecModel {
    return this.#model;
  }

  /** When the Secrets that pods read changed last. */
  get rotatedMs(): number {
    return this.#rotatedMs;
  }

  /** Starts a process of the operator. */
  start(name: string): void {
    const id = `${name}${++this.#started}`;
    this.monitor.say(`operator ${id} starts`);
    this.processes.push(
      new RollProcess({
        id,
        server: this.#server,
        actors: this.#actors,
        clock: this.clock,
        random: this.#random,
        stack: this.stack,
        accounts: this.#accounts,
        kubeFault: (request) => this.#ambush(id, request) ?? this.#kubeFault(request),
        apiFault: () => this.#apiFault(),
        onReshard: (shards, knownStacks) => this.monitor.resharded(id, shards, knownStacks),
        logger: this.#logger(id),
        onEnd: () => this.clock.after(1000, () => this.start(name)),
      }),
    );
  }

  beginFaults(): void {
    this.#chaos = true;
    this.manager.lagMs = () => this.#lagMs();
    this.#jobs.failing = FAILING_JOBS;
  }

  /** Ends all faults; machines that are down come back by themselves. */
  endFaults(): void {
    this.#chaos = false;
    this.manager.lagMs = () => this.#random() * 40;
    this.manager.go();
    this.#jobs.failing = 0;
    for (const process of this.processes) process.resume();
    if (!this.processes.some(({ alive }) => alive)) this.start('d');
  }

  compact(): void {
    this.#server.compact();
  }

  /** A user replaces the spec: a merge would keep the fields that the new one leaves out. */
  change(model: SpecModel): void {
    this.#model = model;
    const stack = this.user.get(StackKind, NAMESPACE, STACK);
    if (!stack) return;
    this.#actors.as('a user', () =>
      this.#server.handle({
        method: 'PUT',
        path: resourcePath(kindOf(stack), NAMESPACE, STACK),
        body: { ...stack, spec: specOf(model) },
        query: { fieldManager: 'user' },
      }),
    );
  }

  /** A user approves the generation that there is. */
  approve(): void {
    const stack = this.user.get(StackKind, NAMESPACE, STACK);
    if (!stack) return;
    const annotations = { [APPROVED_GENERATION]: String(stack.metadata.generation) };
    this.user.patch(stack, { metadata: { annotations } });
  }

  /** A user changes a Secret that the pods read. */
  rotate(dice: number): void {
    const of = names(STACK);
    const secret = this.user.get(kinds.Secret, NAMESPACE, dice < 0.5 ? of.databaseSecret : of.keysSecret);
    if (!secret) return;
    this.#rotatedMs = this.clock.now();
    this.user.patch(secret, { data: { rotated: Buffer.from(String(dice)).toString('base64') } });
  }

  /** Warnings of a process belong to the timeline. */
  #logger(id: string): Logger {
    const write = (message: string, { stack: _, ...fields }: Readonly<Record<string, unknown>> = {}) =>
      this.monitor.say(`operator ${id}: ${message} ${JSON.stringify(fields)}`);
    const silent = () => {};
    const logger: Logger = { debug: silent, info: silent, warn: write, error: write, child: () => logger };
    return logger;
  }

  #lagMs(): number {
    const dice = this.#random();
    if (dice < 0.7) return this.#random() * 50;
    return dice < 0.95 ? this.#random() * 1000 : 1000 + this.#random() * 4000;
  }

  /** Strikes where it hurts most: a process stops right after it asked for a restart, or wrote down that it will. */
  #ambush(id: string, { method, path }: KubeRequest): Fault | undefined {
    const isRestart = method === 'DELETE' && path.includes('/pods/');
    const isTicket = method === 'PUT' && path.endsWith(`/${names(STACK).journal}`);
    if (!this.#chaos || !(isRestart || isTicket) || this.#random() > AMBUSHES * this.#weather)
      return undefined;
    const lastsMs = 20_000 + this.#random() * 30_000;
    const isKilled = this.#random() < 0.5;
    const process = this.processes.find((one) => one.id === id);
    this.clock.after(this.#random() * 30, () => {
      this.monitor.say(`--- operator ${id} is ${isKilled ? 'killed' : 'suspended'} after ${method} ${path}`);
      if (isKilled) process?.kill();
      else process?.suspend();
    });
    this.clock.after(lastsMs, () => (isKilled ? this.start('c') : process?.resume()));
    // The request arrives when another process may have taken over.
    return isRestart ? { delayMs: this.#random() * lastsMs } : {};
  }

  #kubeFault({ path, query }: KubeRequest): Fault {
    // No cluster of these schedules has the optional kinds, or the CRD of backups.
    if (ABSENT.some(({ plural }) => path.endsWith(`/${plural}`)))
      return { outcome: refusal(404, 'NotFound') };
    const latency = { delayMs: this.#random() * 15, answerDelayMs: this.#random() * 15 };
    const lagMs = 10 + this.#random() * (this.#random() < 0.2 ? USUAL_LAG_MS * 0.1 : USUAL_LAG_MS);
    if (!this.#chaos) return { ...latency, lagMs };
    if (this.clock.now() < this.outageUntilMs) return { ...latency, outcome: 'lost' };
    const dice = this.#random() / (0.1 + this.#weather);
    if (query?.watch) {
      const watch = { ...latency, lagMs: this.#random() < 0.3 ? this.#random() * 6000 : lagMs };
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
    if (this.clock.now() < this.apiOutageUntilMs) return { ...latency, outcome: 'lost' };
    const dice = this.#random() / (0.1 + this.#weather);
    if (dice < 0.03) return { ...latency, outcome: 'lost' };
    if (dice < 0.05) return { ...latency, outcome: 'unanswered' };
    if (dice < 0.07) return { ...latency, outcome: 'error' };
    if (dice < 0.09) return { ...latency, outcome: 'unauthorised' };
    if (dice < 0.12) return { delayMs: this.#random() * 5000, answerDelayMs: this.#random() * 8000 };
    return latency;
  }
}

const refusal = (status: number, reason: string): ApiError =>
  new ApiError(status, { reason, message: 'simulated' }, 'simulated');
