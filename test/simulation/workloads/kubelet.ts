import { type KubeObject, kinds } from '../../../src/engine/kube/kubeObject.ts';
import { ClusterAccess, type Condition, isReady, isTerminating, type PodObject } from './clusterAccess.ts';
import type { ManagerContext } from './controllerManager.ts';

/** What a process of a pod does. `ended` says whether it could say goodbye. */
export type ProcessNews = { readonly is: 'ready' } | { readonly is: 'ended'; readonly gracefully: boolean };

export type ProcessListener = (pod: PodObject, news: ProcessNews) => void;

interface Running {
  pod: PodObject;
  readonly machine: number;
  /** Of the container that runs now; undefined while none does. */
  container: number | undefined;
  restarts: number;
}

/** How long Kubernetes takes to notice that a machine is gone. */
const MACHINE_LOST_MS = 40_000;
const MACHINES = 3;

/** How long things take on the machines, in milliseconds: from, to. */
const TIMES = {
  start: [200, 3000],
  ready: [800, 9000],
  end: [200, 5000],
  /** The end of a process that uses its whole grace period. */
  slowEnd: [10_000, 30_000],
  notice: [50, 1500],
  restart: [500, 8000],
} as const;
const SLOW_ENDS = 0.08;

/**
 * The kubelets of a few machines. A container with the variable `BAD` crashes, an image with `bad` in its name cannot be
 * pulled, and a pod that asks for 1000 CPUs finds no machine. Status lags behind what the processes do.
 */
export class Kubelets {
  readonly #context: ManagerContext;
  readonly #access: ClusterAccess;
  readonly #running = new Map<string, Running>();
  readonly #listeners = new Set<ProcessListener>();
  readonly #machines = Array.from({ length: MACHINES }, () => ({ up: true }));
  #lastAddress = 0;

  constructor(context: ManagerContext) {
    this.#context = context;
    this.#access = new ClusterAccess(context.server, context.actors, 'kubelet');
    context.server.onChange(({ type, object, previous }) => {
      if (object.kind !== 'Pod') return;
      const uid = object.metadata.uid ?? '';
      if (type === 'ADDED') this.#admit(object as PodObject);
      else if (type === 'DELETED') this.#forget(uid);
      else {
        const running = this.#running.get(uid);
        if (running) running.pod = object as PodObject;
        if (isTerminating(object) && !(previous && isTerminating(previous))) this.#terminate(uid);
      }
    });
  }

  onProcess(listener: ProcessListener): void {
    this.#listeners.add(listener);
  }

  /** Names of pods that run, for a schedule to pick from. */
  pods(): string[] {
    return [...this.#running.values()].map(({ pod }) => pod.metadata.name).sort();
  }

  /** Whether a process of this pod runs. */
  runs(uid: string): boolean {
    return this.#running.get(uid)?.container !== undefined;
  }

  addressOf(uid: string): string {
    return this.#running.get(uid)?.pod.status?.podIP ?? '';
  }

  /** The pod is not Ready for a while, though its process goes on. */
  flap(name: string, forMs: number): void {
    const running = this.#find(name);
    if (!running || !isReady(running.pod)) return;
    const { container } = running;
    this.#report(running, false);
    this.#later(forMs, running, () => {
      if (running.container === container && !isTerminating(running.pod)) this.#report(running, true);
    });
  }

  /** The process dies, and its kubelet starts it again. */
  crash(name: string): void {
    const running = this.#find(name);
    if (!running || running.container === undefined || !this.#isUp(running)) return;
    this.#end(running, false);
    this.#later(this.#time('notice'), running, () => {
      if (running.container === undefined) this.#report(running, false);
    });
    this.#later(this.#time('restart'), running, () => this.#startContainer(running));
  }

  /** A machine, by a number from 0 to 1, goes down with everything on it, and comes back. */
  crashMachine(dice: number, forMs: number): void {
    const machine = this.#machines[Math.floor(dice * MACHINES)];
    if (!machine?.up) return;
    machine.up = false;
    const on = () => [...this.#running.values()].filter((one) => this.#machines[one.machine] === machine);
    for (const running of on()) this.#end(running, false);
    const { clock } = this.#context;
    clock.after(MACHINE_LOST_MS, () => {
      if (!machine.up) for (const running of on()) this.#report(running, false);
    });
    clock.after(forMs, () => {
      machine.up = true;
      for (const running of on()) {
        this.#report(running, false);
        if (isTerminating(running.pod)) this.#later(this.#time('end'), running, () => this.#remove(running));
        else this.#later(this.#time('restart'), running, () => this.#startContainer(running));
      }
    });
  }

  #admit(pod: PodObject): void {
    const random = this.#context.random();
    const running: Running = {
      pod,
      machine: Math.floor(random * MACHINES),
      container: undefined,
      restarts: 0,
    };
    this.#running.set(pod.metadata.uid ?? '', running);
    this.#later(this.#time('start'), running, () => this.#startContainer(running));
  }

  #startContainer(running: Running): void {
    if (isTerminating(running.pod) || running.container !== undefined || !this.#isUp(running)) return;
    const { containers } = running.pod.spec;
    if (containers.some(({ resources }) => Number(resources?.requests?.cpu ?? 0) >= 1000)) {
      const conditions = [this.#condition('PodScheduled', 'False', 'Unschedulable')];
      this.#access.patch(running.pod, { status: { phase: 'Pending', conditions } }, 'status');
    } else if (containers.some(({ image }) => image.includes('bad'))) this.#wait(running, 'ImagePullBackOff');
    else if (containers.some(({ env }) => env?.some(({ name }) => name === 'BAD'))) {
      running.restarts += 1;
      this.#wait(running, 'CrashLoopBackOff');
    } else this.#runContainer(running);
  }

  #runContainer(running: Running): void {
    running.container = ++this.#lastAddress;
    const { container } = running;
    this.#report(running, false);
    this.#later(this.#time('ready'), running, () => {
      if (running.container !== container || isTerminating(running.pod)) return;
      this.#report(running, true);
      this.#tell(running, { is: 'ready' });
    });
  }

  #terminate(uid: string): void {
    const running = this.#running.get(uid);
    if (!running || !this.#isUp(running)) return;
    const hadProcess = running.container !== undefined;
    this.#end(running, true);
    const slow = hadProcess && this.#context.random() < SLOW_ENDS;
    const afterMs = this.#time(slow ? 'slowEnd' : hadProcess ? 'end' : 'notice');
    this.#later(afterMs, running, () => this.#remove(running));
  }

  #remove(running: Running): void {
    if (this.#isUp(running)) this.#access.delete(running.pod, { gracePeriodSeconds: 0 });
  }

  #end(running: Running, gracefully: boolean): void {
    if (running.container === undefined) return;
    running.container = undefined;
    running.restarts += gracefully ? 0 : 1;
    this.#tell(running, { is: 'ended', gracefully });
  }

  #forget(uid: string): void {
    const running = this.#running.get(uid);
    this.#running.delete(uid);
    if (running) this.#end(running, false);
  }

  #wait(running: Running, reason: string): void {
    this.#report(running, false, { waiting: { reason, message: 'simulated' } });
  }

  #report(running: Running, ready: boolean, state?: Record<string, object>): void {
    const runs = running.container !== undefined;
    const containerStatuses = running.pod.spec.containers.map(({ name }) => ({
      name,
      ready,
      started: ready,
      restartCount: running.restarts,
      state: state ?? (runs ? { running: {} } : { waiting: { reason: 'ContainerCreating' } }),
    }));
    const before = running.pod.status?.conditions?.find(({ type }) => type === 'Ready');
    const value = ready ? 'True' : 'False';
    const condition = before?.status === value ? before : this.#condition('Ready', value);
    const status = {
      phase: state || (!runs && !before) ? 'Pending' : 'Running',
      podIP: running.pod.status?.podIP ?? `10.0.0.${++this.#lastAddress}`,
      conditions: [condition],
      containerStatuses,
    };
    this.#access.patch(running.pod, { status }, 'status');
  }

  #condition(type: string, status: Condition['status'], reason?: string): Condition {
    const lastTransitionTime = new Date(this.#context.clock.now()).toISOString();
    return { type, status, ...(reason ? { reason } : {}), lastTransitionTime };
  }

  #tell(running: Running, news: ProcessNews): void {
    for (const listener of this.#listeners) listener(running.pod, news);
  }

  #find(name: string): Running | undefined {
    return [...this.#running.values()].find(({ pod }) => pod.metadata.name === name && !isTerminating(pod));
  }

  #isUp({ machine }: Running): boolean {
    return this.#machines[machine]?.up === true;
  }

  #time(what: keyof typeof TIMES): number {
    const [from, to] = TIMES[what];
    return from + this.#context.random() * (to - from);
  }

  /** Calls back unless the pod is gone by then. */
  #later(afterMs: number, { pod }: Running, callback: () => void): void {
    const { uid = '' } = pod.metadata;
    this.#context.clock.after(afterMs, () => {
      if (this.#running.has(uid)) callback();
    });
  }
}

/** The role of a pod, and the object that owns it: pods of one owner replace each other. */
export const ownerNameOf = ({ metadata }: KubeObject): string =>
  metadata.ownerReferences?.find(({ controller }) => controller)?.name ?? metadata.name;

export const podsIn = (access: ClusterAccess, namespace: string): PodObject[] =>
  access.list<PodObject>(kinds.Pod, namespace);
