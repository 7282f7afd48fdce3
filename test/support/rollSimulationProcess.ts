import { Registry } from 'prom-client';
import type { Logger } from '../../src/base/logger.ts';
import { ControllerMetrics } from '../../src/engine/controller/metrics.ts';
import { Sources } from '../../src/engine/controller/sources.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import { EventRecorder } from '../../src/engine/kube/eventRecorder.ts';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { LeaderElection } from '../../src/engine/kube/leaderElection.ts';
import type { KubeRequest, Transport } from '../../src/engine/kube/transport.ts';
import { type Fault, SimulatedTransport } from '../../src/engine/simulation/simulatedTransport.ts';
import { controllers } from '../../src/operator/operator.ts';
import { watchStacks } from '../../src/operator/state/stackSources.ts';
import type { ManagerContext } from '../simulation/workloads/controllerManager.ts';
import { type ApiFault, RollApi, type RollApiOptions, type StackAccounts } from './rollSimulationApi.ts';
import type { SimulatedStack, StackTruth } from './rollSimulationStack.ts';
import { ProcessClock } from './simulatedProcess.ts';

export const NAMESPACE = 'default';
export const RELEASE = { stack: 'registry.test/stack:1', database: 'registry.test/postgres' } as const;

/** A write on its way, with what its process could know when it left. */
export interface Flight {
  readonly process: string;
  readonly sentAtMs: number;
  /** The last revision of pods and of stacks that a watch, or the answer to a write of the status, brought to the process. */
  readonly seen: { readonly pods: number; readonly stacks: number };
  /** What was true when the health that arrived last was read; undefined if none has arrived. */
  readonly api: StackTruth | undefined;
}

export const isFlight = (actor: unknown): actor is Flight =>
  typeof actor === 'object' && actor !== null && 'sentAtMs' in actor;

const KINDS = [
  { path: '/pods', seen: 'pods' },
  { path: '/whatsappdeployments', seen: 'stacks' },
] as const;

export interface RollProcessOptions extends Omit<ManagerContext, 'clock'> {
  readonly id: string;
  readonly clock: ConstructorParameters<typeof ProcessClock>[0];
  readonly stack: SimulatedStack;
  readonly accounts: StackAccounts;
  readonly kubeFault: (request: KubeRequest) => Fault;
  readonly apiFault: () => ApiFault;
  /** Called when a call of this process changes the number of shards; see `RollApiOptions`. */
  readonly onReshard: RollApiOptions['onReshard'];
  readonly logger: Logger;
  readonly onEnd: (id: string) => void;
}

/** A process of the operator: its three controllers as `runOperator` wires them, without its servers and signals. */
export class RollProcess {
  readonly id: string;
  readonly #clock: ProcessClock;
  readonly #seen = { pods: 0, stacks: 0 };
  readonly #flights = new WeakMap<KubeRequest, Flight>();
  #api: StackTruth | undefined;

  constructor(options: RollProcessOptions) {
    const { id, random, logger } = options;
    this.id = id;
    const clock = new ProcessClock(options.clock);
    this.#clock = clock;
    const connect = (fence?: (request: KubeRequest) => void) =>
      new KubeClient(this.#noting(clock.behind(this.#transport(options, fence))));
    const common = { clock, random, logger };
    const installation = { namespace: NAMESPACE, name: 'waba-operator' };
    const election = new LeaderElection({ client: connect(), ...installation, identity: id, ...common });
    const fence = (method: string) => {
      if (method !== 'GET') election.assertLeader();
    };
    const client = connect(({ method }) => fence(method));
    const registry = new Registry();
    const sources = new Sources({ client, namespaces: [NAMESPACE], ...common });
    const api = { ...options, clock, arrival: () => clock.arrival(), fault: options.apiFault };
    const { workloads, application } = controllers(
      {
        ...common,
        client,
        shards: undefined,
        fence,
        installation,
        registry,
        sources,
        version: '0.0.0',
        release: RELEASE,
        namespaces: [NAMESPACE],
        replica: id,
        metrics: new ControllerMetrics(registry),
        stackSources: watchStacks(sources),
        recorder: new EventRecorder({ client, component: 'waba-operator', ...common }),
        connectStack: (access) => {
          const knownStacks = () => this.#seen.stacks;
          return new RollApi({ ...api, knownStacks, onHealth: (truth) => this.#learn(truth) }, access);
        },
        read: async () => [],
      },
      new AbortController().signal,
    );
    const run = async () => {
      // One signal for each process, because killed processes never remove their listeners.
      const never = new AbortController().signal;
      void sources.run(never);
      await sources.settled();
      await election.acquire(never);
      await election.lead((term) =>
        Promise.all([workloads, application].map((controller) => controller.run(never, term))).then(() => {}),
      );
      // A real process ends with its term, and its kubelet starts it again.
      if (this.alive) options.onEnd(id);
    };
    void run();
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

  /** Plays SIGKILL: the process never acts again. Requests on their way arrive all the same. */
  kill(): void {
    this.#clock.kill();
  }

  #learn(truth: StackTruth): void {
    if (!this.#api || truth.atMs > this.#api.atMs) this.#api = truth;
  }

  /** Keeps with each write what its process can know when it leaves. */
  #transport(
    { server, clock, actors, kubeFault, random }: RollProcessOptions,
    fence?: (request: KubeRequest) => void,
  ): Transport {
    return new SimulatedTransport({
      server,
      clock,
      fault: kubeFault,
      gone: () => (random() < 0.5 ? 'status' : 'event'),
      fence: (request) => {
        fence?.(request);
        if (request.method === 'GET') return;
        const sentAtMs = clock.monotonic();
        this.#flights.set(request, { process: this.id, sentAtMs, seen: { ...this.#seen }, api: this.#api });
      },
      around: (request, act) => actors.as(this.#flights.get(request) ?? this.id, act),
    });
  }

  /** Notes the revisions that watches bring. The answer to a write of the status is the whole resource, its spec too. */
  #noting(inner: Transport): Transport {
    const seen = this.#seen;
    return {
      request: async (request, signal) => {
        const answer = await inner.request(request, signal);
        const revision = Number((answer as Partial<KubeObject> | undefined)?.metadata?.resourceVersion);
        if (request.path.includes('/whatsappdeployments/') && revision > seen.stacks) seen.stacks = revision;
        return answer;
      },
      text: (request, signal) => inner.text(request, signal),
      stream: async function* (request, signal) {
        const kind = KINDS.find(({ path }) => request.path.endsWith(path))?.seen;
        for await (const line of inner.stream(request, signal)) {
          const revision = kind && /"resourceVersion":"(\d+)"/.exec(String(line))?.[1];
          if (kind && revision !== undefined) seen[kind] = Math.max(seen[kind], Number(revision));
          yield line;
        }
      },
      close: () => inner.close(),
    };
  }
}
