import { Registry } from 'prom-client';
import type { Clock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { VirtualClock } from '../../src/base/virtualClock.ts';
import { Controller, type Reconcile } from '../../src/engine/controller/controller.ts';
import { ControllerMetrics } from '../../src/engine/controller/metrics.ts';
import { type Source, Sources } from '../../src/engine/controller/sources.ts';
import { Applier } from '../../src/engine/kube/applier.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import { EventRecorder } from '../../src/engine/kube/eventRecorder.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { LeaderElection } from '../../src/engine/kube/leaderElection.ts';
import type { KubeRequest, Transport } from '../../src/engine/kube/transport.ts';
import type { SimulatedApiServer } from '../../src/engine/simulation/simulatedApiServer.ts';
import { type Fault, SimulatedTransport } from '../../src/engine/simulation/simulatedTransport.ts';
import { SAMPLE_INDEXES, type SampleContext, sampleKey } from './sampleReconcile.ts';

export interface SimulatedProcessOptions {
  readonly id: string;
  readonly server: SimulatedApiServer;
  readonly clock: VirtualClock;
  readonly random: () => number;
  readonly fault: (request: KubeRequest) => Fault;
  readonly gone: () => 'status' | 'event';
  readonly makeReconcile: (context: SampleContext) => Reconcile;
  /** Called for each write and outside call when it leaves this process. */
  readonly onWrite: (id: string, what: string) => void;
  readonly onCall: (id: string, key: string, revision: string) => void;
  /** Called when a reconcile of a key starts and ends. */
  readonly onReconcile: (id: string, key: string, phase: 'start' | 'end') => void;
}

/** A simulated operator process that can be suspended, killed and given a wrong wall clock. */
export class SimulatedProcess {
  readonly id: string;
  readonly source: Source<KubeObject>;
  readonly election: LeaderElection;
  readonly #clock: ProcessClock;

  constructor(options: SimulatedProcessOptions) {
    const { id, server, clock: base, random, fault, gone } = options;
    this.id = id;
    const clock = new ProcessClock(base);
    this.#clock = clock;
    const connect = (fence?: (request: KubeRequest) => void) =>
      new KubeClient(
        clock.behind(
          new SimulatedTransport({ server, clock: base, fault, gone, ...(fence ? { fence } : {}) }),
        ),
      );
    const common = { clock, random, logger: silentLogger };
    const election = new LeaderElection({
      client: connect(),
      namespace: 'default',
      name: 'sample',
      identity: id,
      ...common,
    });
    this.election = election;
    const client = connect(({ method, path }) => {
      if (method === 'GET') return;
      election.assertLeader();
      options.onWrite(id, `${method} ${path}`);
    });
    const sources = new Sources({ client, namespaces: ['default'], ...common });
    const source = sources.watch<KubeObject>({
      kind: kinds.ConfigMap,
      indexes: SAMPLE_INDEXES,
    });
    this.source = source;
    const recorder = new EventRecorder({ client, component: 'sample', ...common });
    const reconcile = options.makeReconcile({
      source,
      client,
      applier: new Applier({
        client,
        fieldManager: 'sample',
        annotationPrefix: 'sample.dev',
        recorder,
        clock,
      }),
      callOnce: (key, revision) => {
        election.assertLeader();
        options.onCall(id, key, revision);
      },
    });
    const controller = new Controller({
      name: 'sample',
      ...common,
      metrics: new ControllerMetrics(new Registry()),
      workers: 3,
      reconcile: async (key, signal, logger) => {
        options.onReconcile(id, key, 'start');
        try {
          return await reconcile(key, signal, logger);
        } finally {
          options.onReconcile(id, key, 'end');
        }
      },
    });
    source.onChange(({ object }) => controller.queue.add(sampleKey(object)));
    void this.#run(sources, controller);
  }

  /** Ends with the term. The schedule then starts a successor, as the kubelet would. */
  async #run(sources: Sources, controller: Controller): Promise<void> {
    // One signal for each process, because killed processes never remove their listeners.
    const never = new AbortController().signal;
    void sources.run(never);
    await sources.synced();
    await this.election.acquire(never);
    await this.election.lead((term) => controller.run(never, term));
  }

  get alive(): boolean {
    return !this.#clock.dead;
  }

  /** Plays SIGSTOP. */
  suspend(): void {
    this.#clock.suspend();
  }

  resume(): void {
    this.#clock.resume();
  }

  /** Plays SIGKILL: the process never acts again. */
  kill(): void {
    this.#clock.kill();
  }

  stepWallClock(byMs: number): void {
    this.#clock.wallOffsetMs += byMs;
  }
}

/** The time of one process, and the gate that holds back everything from a suspended or killed process. */
export class ProcessClock implements Clock {
  readonly #base: Clock;
  readonly #held: (() => void)[] = [];
  #suspended = false;
  wallOffsetMs = 0;
  dead = false;

  constructor(base: Clock) {
    this.#base = base;
  }

  now(): number {
    return this.#base.now() + this.wallOffsetMs;
  }

  monotonic(): number {
    return this.#base.monotonic();
  }

  after(delayMs: number, callback: () => void): () => void {
    let cancelled = false;
    const cancel = this.#base.after(delayMs, () =>
      this.#deliver(() => {
        if (!cancelled) callback();
      }),
    );
    return () => {
      cancelled = true;
      cancel();
    };
  }

  suspend(): void {
    this.#suspended = true;
  }

  resume(): void {
    this.#suspended = false;
    for (const callback of this.#held.splice(0)) callback();
  }

  /** As `resume`, but what each callback has caused happens before the next, as in an event loop. */
  resumeInTurn(): void {
    this.#suspended = false;
    for (const callback of this.#held.splice(0)) this.#base.after(0, () => this.#deliver(callback));
  }

  kill(): void {
    this.dead = true;
    this.#held.splice(0);
  }

  /** A transport whose answers reach only a running process. */
  behind(transport: Transport): Transport {
    const arrival = () => this.arrival();
    return {
      request: async (request, signal) => {
        try {
          return await transport.request(request, signal);
        } finally {
          await arrival();
        }
      },
      text: (request, signal) => transport.text(request, signal),
      stream: async function* (request, signal) {
        try {
          for await (const line of transport.stream(request, signal)) {
            await arrival();
            yield line;
          }
        } finally {
          await arrival();
        }
      },
      close: () => transport.close(),
    };
  }

  /** Resolves when the process runs; never once it was killed. */
  arrival(): Promise<void> {
    return new Promise((resolve) => this.#deliver(resolve));
  }

  #deliver(callback: () => void): void {
    if (this.dead) return;
    if (this.#suspended) this.#held.push(callback);
    else callback();
  }
}
