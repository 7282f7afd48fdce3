import { seeded } from '../../src/base/seeded.ts';
import { VirtualClock } from '../../src/base/virtualClock.ts';
import { ApiError, isConflict, isNotFound } from '../../src/engine/kube/apiError.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import { type KubeObject, keyOf, kinds } from '../../src/engine/kube/kubeObject.ts';
import { appliedHashAnnotation, differences } from '../../src/engine/kube/ownFields.ts';
import type { KubeRequest } from '../../src/engine/kube/transport.ts';
import { SimulatedApiServer } from '../../src/engine/simulation/simulatedApiServer.ts';
import { type Fault, SimulatedTransport } from '../../src/engine/simulation/simulatedTransport.ts';
import { parseTarget } from '../../src/engine/simulation/target.ts';
import { CHILD_OF, PARENT, sampleReconcile, wantedChildren } from './sampleReconcile.ts';
import { SimulatedProcess } from './simulatedProcess.ts';

/** The rules that must hold under all faults. */
export const INVARIANTS = {
  caches: 'caches equal a fresh list once the faults end',
  work: 'each key is reconciled after its last change, and has the children that it wants',
  exclusion: 'never two workers of a process on one key',
  lease: 'no write leaves a process that does not hold the lease',
  once: 'calls that must happen once do not happen twice',
} as const;
export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  readonly invariant: Invariant;
  readonly what: string;
}

export interface ScheduleOptions {
  readonly seed: number;
  /** The journal is written without a version, so that concurrent writes succeed. */
  readonly withoutCompareAndSwap?: boolean;
}

const never = new AbortController().signal;
const CHAOS_MS = 90_000;
const HEAL_MS = 600_000;
const PARENTS = ['red', 'green', 'blue'];

/** Runs ninety seconds of faults on two processes and a server, then a time without faults. Returns the broken rules. */
export async function runSchedule(options: ScheduleOptions): Promise<Violation[]> {
  return new Schedule(options).run();
}

class Schedule {
  readonly #random: () => number;
  readonly #clock = new VirtualClock(Date.UTC(2026, 0, 1));
  readonly #server = new SimulatedApiServer({ clock: this.#clock });
  readonly #user = new KubeClient(new SimulatedTransport({ server: this.#server, clock: this.#clock }));
  readonly #options: ScheduleOptions;
  readonly #violations: Violation[] = [];
  readonly #processes: SimulatedProcess[] = [];
  readonly #active = new Map<string, number>();
  readonly #reconciledAt = new Map<string, number>();
  readonly #calls = new Map<string, string>();
  /** When each revision was written. */
  readonly #changedAt = new Map<number, number>();
  #chaos = true;
  #outage = false;
  #started = 0;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#random = seeded(options.seed);
    this.#server.onChange(() => this.#changedAt.set(this.#server.revision, this.#clock.now()));
  }

  async run(): Promise<Violation[]> {
    for (const name of ['a', 'b']) this.#start(name);
    const endsAt = this.#clock.now() + CHAOS_MS;
    while (this.#clock.now() < endsAt) {
      await this.#clock.advance(this.#random() * 6000);
      if (this.#random() < 0.6) {
        // The requests take no virtual time, but their promises settle only when the clock advances.
        const acting = this.#userActs();
        await this.#clock.advance(0);
        await acting;
      } else this.#disturb();
    }
    await this.#heal();
    return this.#violations;
  }

  #start(name: string): void {
    this.#processes.push(
      new SimulatedProcess({
        id: `${name}${++this.#started}`,
        server: this.#server,
        clock: this.#clock,
        random: this.#random,
        fault: (request) => this.#fault(request),
        gone: () => (this.#random() < 0.5 ? 'status' : 'event'),
        makeReconcile: (context) => sampleReconcile(context, !this.#options.withoutCompareAndSwap),
        onWrite: (id, what) => this.#checkLease(id, what),
        onCall: (id, key, revision) => {
          this.#checkLease(id, `call ${revision}`);
          const call = `${key} ${revision}`;
          const before = this.#calls.get(call);
          if (before) this.#broke('once', `${call} by ${before} and ${id}`);
          this.#calls.set(call, id);
        },
        onReconcile: (id, key, phase) => this.#watchWorkers(`${id} ${key}`, key, phase),
      }),
    );
  }

  #watchWorkers(worker: string, key: string, phase: 'start' | 'end'): void {
    const active = (this.#active.get(worker) ?? 0) + (phase === 'start' ? 1 : -1);
    this.#active.set(worker, active);
    if (phase === 'start') this.#reconciledAt.set(key, this.#clock.now());
    if (active > 1) this.#broke('exclusion', worker);
  }

  #checkLease(id: string, what: string): void {
    const [lease] = this.#server.select(
      parseTarget('/apis/coordination.k8s.io/v1/namespaces/default/leases'),
    );
    const holder = (lease?.spec as { holderIdentity?: string } | undefined)?.holderIdentity;
    if (holder !== id) this.#broke('lease', `${what} by ${id}, the lease is ${holder ?? 'nobody'}'s`);
  }

  #broke(invariant: Invariant, what: string): void {
    this.#violations.push({ invariant, what: `${what} at ${this.#clock.now()}` });
  }

  #fault(request: KubeRequest): Fault {
    const latency = { delayMs: this.#random() * 20, answerDelayMs: this.#random() * 20 };
    if (!this.#chaos) return latency;
    if (this.#outage) return { ...latency, outcome: 'lost' };
    const dice = this.#random();
    if (request.query?.watch) {
      const watch = { ...latency, ...(this.#random() < 0.3 ? { lagMs: this.#random() * 8000 } : {}) };
      if (dice < 0.2) return { ...watch, cutAfterMs: this.#random() * 20_000 };
      if (dice < 0.3) return { ...watch, silentAfterMs: this.#random() * 20_000 };
      if (dice < 0.4) return { ...watch, outcome: 'lost' };
      return watch;
    }
    if (dice < 0.05) return { ...latency, outcome: 'lost' };
    if (dice < 0.1) return { ...latency, outcome: 'unanswered' };
    if (dice < 0.14) return { ...latency, outcome: refusal(429) };
    if (dice < 0.18) return { ...latency, outcome: refusal(500) };
    if (dice < 0.23) return { delayMs: this.#random() * 15_000, answerDelayMs: this.#random() * 15_000 };
    return latency;
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }

  #disturb(): void {
    const process = this.#pick(this.#processes.filter(({ alive }) => alive));
    const dice = this.#random();
    if (dice < 0.15) this.#server.compact();
    else if (dice < 0.25) {
      this.#outage = true;
      this.#clock.after(this.#random() * 20_000, () => {
        this.#outage = false;
      });
    } else if (!process) return;
    else if (dice < 0.55) {
      process.suspend();
      this.#clock.after(this.#random() * 40_000, () => process.resume());
    } else if (dice < 0.75) {
      process.kill();
      this.#clock.after(this.#random() * 10_000, () => this.#start('c'));
    } else process.stepWallClock((this.#random() - 0.5) * 7_200_000);
  }

  async #userActs(): Promise<void> {
    const name = this.#pick(PARENTS) ?? '';
    const objects = this.#objects();
    const parent = objects.find((object) => object.metadata.name === name);
    const children = objects.filter(({ metadata }) => metadata.labels?.[CHILD_OF] === name);
    const data = {
      children: String(Math.floor(this.#random() * 4)),
      colour: `${name} ${this.#pick('12345'.split(''))}`,
    };
    const dice = this.#random();
    const child = this.#pick(children);
    try {
      if (!parent) {
        await this.#user.create(
          {
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name, namespace: 'default', labels: { [PARENT]: 'true' } },
            data,
          },
          { fieldManager: 'user' },
          never,
        );
      } else if (dice < 0.1) await this.#user.delete(kinds.ConfigMap, 'default', name, {}, never);
      else if (dice < 0.3 && child)
        await this.#user.delete(kinds.ConfigMap, 'default', child.metadata.name, {}, never);
      else if (dice < 0.45 && child) {
        const { metadata, ...rest } = child;
        const { resourceVersion: _, ...blind } = metadata;
        await this.#user.update(
          { ...rest, metadata: blind, data: { colour: 'theirs' } } as KubeObject,
          { fieldManager: 'user' },
          never,
        );
      } else await this.#user.mergePatch(kinds.ConfigMap, { namespace: 'default', name }, { data }, never);
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  #objects(): KubeObject[] {
    return this.#server.select(parseTarget('/api/v1/namespaces/default/configmaps'));
  }

  /** Ends all faults, resumes suspended processes, and starts a process if none runs. */
  async #heal(): Promise<void> {
    this.#chaos = false;
    this.#outage = false;
    for (const process of this.#processes) process.resume();
    if (!this.#processes.some(({ alive }) => alive)) this.#start('d');
    // A process that lost its lease has ended, like a real one; this successor takes over.
    this.#start('e');
    const endsAt = this.#clock.now() + HEAL_MS;
    let problems: Violation[];
    do {
      await this.#clock.advance(10_000);
      problems = this.#unsettled();
    } while (problems.length > 0 && this.#clock.now() < endsAt);
    this.#violations.push(...problems);
    for (const process of this.#processes) process.kill();
  }

  #unsettled(): Violation[] {
    const objects = this.#objects();
    const problems: Violation[] = [];
    const versions = (list: readonly KubeObject[]) =>
      list
        .map((object) => `${keyOf(object)} ${object.metadata.uid} ${object.metadata.resourceVersion}`)
        .sort()
        .join('\n');
    for (const { id, alive, source } of this.#processes) {
      if (alive && versions(source.cache.list()) !== versions(objects))
        problems.push({ invariant: 'caches', what: `that of ${id}` });
    }
    const parents = objects.filter(({ metadata }) => metadata.labels?.[PARENT]);
    for (const parent of parents) {
      const wanted = wantedChildren(parent);
      const present = objects.filter(({ metadata }) => metadata.labels?.[CHILD_OF] === parent.metadata.name);
      const same =
        wanted.length === present.length &&
        wanted.every((child) => {
          const live = present.find(({ metadata }) => metadata.name === child.metadata.name);
          return (
            live?.metadata.annotations?.[appliedHashAnnotation('sample.dev')] &&
            differences(child, live).length === 0
          );
        });
      if (!same) problems.push({ invariant: 'work', what: `children of ${parent.metadata.name}` });
    }
    const target = parseTarget('/api/v1/namespaces/default/configmaps');
    for (const { metadata } of parents) {
      const [last] = this.#server
        .eventsAfter(target, 0)
        .filter(({ object }) => object.metadata.name === metadata.name)
        .slice(-1);
      const changedAt = last && this.#changedAt.get(last.revision);
      if (changedAt !== undefined && (this.#reconciledAt.get(`default/${metadata.name}`) ?? 0) < changedAt)
        problems.push({ invariant: 'work', what: `${metadata.name} after its last change` });
    }
    return problems;
  }
}

const refusal = (status: number): ApiError =>
  new ApiError(status, { reason: status === 429 ? 'TooManyRequests' : 'InternalError' }, 'simulated');
