import type { Clock } from '../../src/base/clock.ts';
import type { NodeHealth } from '../../src/onprem/health.ts';
import type { NodeSupport } from '../../src/onprem/support.ts';
import { labels } from '../../src/operator/plan/facts/names.ts';
import type { PodObject } from '../simulation/workloads/clusterAccess.ts';
import type { Kubelets } from '../simulation/workloads/kubelet.ts';

export interface SimulatedStackOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly kubelets: Kubelets;
  /** Calls back with each change of which shards are served. */
  readonly onServed: (served: readonly number[]) => void;
}

type Role = 'webapp' | 'master' | 'coreapp' | 'database';

interface Node {
  readonly name: string;
  readonly uid: string;
  readonly address: string;
  readonly role: Role;
}

interface Owner {
  readonly uid: string;
  connected: boolean;
  /** Its node has ended, which the primary Master has not noticed yet. */
  lost: boolean;
}

/** What was true of the stack at a moment. */
export interface StackTruth {
  readonly atMs: number;
  readonly shards: number;
  /** Shards with a connected owner. */
  readonly served: ReadonlySet<number>;
  /** UIDs of the pods that own a shard. */
  readonly owners: ReadonlySet<string>;
  /** UIDs of Coreapps that have joined and own nothing. */
  readonly standbys: ReadonlySet<string>;
  readonly primaryMaster: string | undefined;
}

/**
 * Times of the stack, in milliseconds: from, to. A node that says goodbye is replaced sooner than one that falls silent.
 * Source of the order: docs/onprem/deployment.md §1.2.
 */
const TIMES = {
  /** From being ready until a node takes part. */
  join: [0, 2500],
  connect: [100, 3000],
  handOver: [200, 3000],
  silence: [5000, 35_000],
  election: [200, 4000],
} as const;

/** A registered stack whose nodes are the processes of pods: Masters elect a primary one, which promotes Coreapps. */
export class SimulatedStack {
  readonly #options: SimulatedStackOptions;
  /** Nodes that have joined, by UID. */
  readonly #nodes = new Map<string, Node>();
  /** The shard map. An entry may name a node that is gone, until the primary Master notices. */
  readonly #owners = new Map<number, Owner>();
  /** Entries that health still shows for nodes that are gone, with their end. */
  #stale: { readonly key: string; readonly untilMs: number }[] = [];
  #primary: string | undefined;
  #electionNotBeforeMs = 0;
  #shards: number;
  readonly #isCluster: boolean;
  #lastServed = '';
  /** When the number of shards changed last. */
  reshardedMs = 0;

  constructor(options: SimulatedStackOptions, shards: number, isCluster: boolean) {
    this.#options = options;
    this.#shards = shards;
    this.#isCluster = isCluster;
    options.kubelets.onProcess((pod, news) => {
      if (news.is === 'ended') this.#leave(pod, news.gracefully);
      else this.#join(pod);
    });
  }

  get shards(): number {
    return this.#shards;
  }

  get truth(): StackTruth {
    const owners = new Set(this.#live().map(([, { uid }]) => uid));
    const standbys = this.#of('coreapp')
      .map(({ uid }) => uid)
      .filter((uid) => !owners.has(uid));
    return {
      atMs: this.#options.clock.monotonic(),
      shards: this.#shards,
      served: new Set(this.#served()),
      owners,
      standbys: new Set(standbys),
      primaryMaster: this.#primary,
    };
  }

  /** Whether the API can answer: a Webapp and the database run. */
  get answers(): boolean {
    return this.#of('webapp').length > 0 && this.#of('database').length > 0;
  }

  /** Whether calls for the primary Master can be answered. */
  get hasPrimary(): boolean {
    return !this.#isCluster || this.#primary !== undefined;
  }

  get coreapps(): number {
    return this.#of('coreapp').length;
  }

  setShards(shards: number): void {
    if (shards !== this.#shards) this.reshardedMs = this.#options.clock.monotonic();
    this.#shards = shards;
    for (const shard of [...this.#owners.keys()]) if (shard >= shards) this.#owners.delete(shard);
    this.#changed();
    this.#assignSoon('handOver');
  }

  /** The session of an owner with WhatsApp breaks for a while. */
  disconnect(pick: number, forMs: number): void {
    const owner = [...this.#owners.values()][Math.floor(pick * this.#owners.size)];
    if (!owner?.connected) return;
    owner.connected = false;
    this.#changed();
    this.#options.clock.after(forMs, () => this.#connect(owner));
  }

  /** `GET /v1/health`: the part `health`. */
  health(): object {
    const owners = new Map(this.#live().map(([, owner]) => [owner.uid, owner]));
    const nodes = [...this.#of('master'), ...this.#of('coreapp')].map((node): [string, NodeHealth] => {
      const isPrimary = node.uid === this.#primary;
      const isConnected =
        node.role === 'master' ? isPrimary && this.#shards > 1 : owners.get(node.uid)?.connected;
      const role =
        node.role === 'coreapp'
          ? 'coreapp'
          : isPrimary
            ? ('primary_master' as const)
            : ('secondary_master' as const);
      const gateway_status = isConnected ? 'connected' : owners.has(node.uid) ? 'connecting' : 'disconnected';
      return [keyOf(node), { gateway_status, role }];
    });
    if (!this.#isCluster) return { gateway_status: nodes[0]?.[1].gateway_status ?? 'disconnected' };
    const now = this.#options.clock.monotonic();
    this.#stale = this.#stale.filter(({ untilMs }) => untilMs > now);
    const stale = this.#stale.map(({ key }): [string, NodeHealth] => [key, NOT_READY]);
    // A new node of the same name may stand before or after the one that is gone.
    return Object.fromEntries(this.#options.random() < 0.5 ? [...stale, ...nodes] : [...nodes, ...stale]);
  }

  /** `GET /v1/support`: the part `support`. */
  support(): object {
    const common = { expire_timestamp: '2026-06-01T00:00:00', version: '2.57.1' };
    const nodes = [...this.#of('master'), ...this.#of('coreapp')].map((node): [string, NodeSupport] => {
      const shards = this.#live().flatMap(([shard, { uid }]) => (uid === node.uid ? [shard] : []));
      const ranges = shards.map((shard): [number, number] => [shard, shard]);
      return [keyOf(node), { ...common, ...(node.role === 'coreapp' ? { shards: ranges } : {}) }];
    });
    return this.#isCluster
      ? Object.fromEntries(nodes)
      : { ...common, context: 'simulated', ...nodes[0]?.[1] };
  }

  #of(role: Role): Node[] {
    return [...this.#nodes.values()].filter((node) => node.role === role);
  }

  /** The shard map without nodes that are gone. */
  #live(): [number, Owner][] {
    return [...this.#owners].filter(([, { lost }]) => !lost);
  }

  #served(): number[] {
    return this.#live()
      .filter(([, { connected }]) => connected)
      .map(([shard]) => shard)
      .sort((a, b) => a - b);
  }

  #join(pod: PodObject): void {
    const role = pod.metadata.labels?.[labels.component] as Role;
    const { name, uid = '' } = pod.metadata;
    const { clock, kubelets } = this.#options;
    const isNode = role === 'master' || role === 'coreapp';
    clock.after(isNode ? this.#time('join') : 0, () => {
      if (!kubelets.runs(uid)) return;
      this.#nodes.set(uid, { name, uid, role, address: kubelets.addressOf(uid) });
      this.#assignSoon(role === 'master' ? 'election' : 'handOver');
    });
  }

  #leave({ metadata: { uid = '' } }: PodObject, gracefully: boolean): void {
    const node = this.#nodes.get(uid);
    if (!node) return;
    const { clock, random } = this.#options;
    this.#nodes.delete(uid);
    const noticeMs = this.#time(gracefully ? 'handOver' : 'silence');
    this.#stale.push({ key: keyOf(node), untilMs: clock.monotonic() + noticeMs + random() * 10_000 });
    for (const owner of this.#owners.values())
      if (owner.uid === uid) Object.assign(owner, { lost: true, connected: false });
    if (this.#primary === uid) {
      this.#primary = undefined;
      this.#electionNotBeforeMs = clock.monotonic() + noticeMs;
    }
    this.#changed();
    clock.after(noticeMs, () => {
      for (const [shard, owner] of this.#owners)
        if (owner.uid === uid && owner.lost) this.#owners.delete(shard);
      this.#assign();
    });
  }

  #connect(owner: Owner): void {
    if (owner.lost) return;
    owner.connected = true;
    this.#changed();
  }

  #assignSoon(time: keyof typeof TIMES): void {
    this.#options.clock.after(this.#time(time), () => this.#assign());
  }

  /** The Masters elect a primary one, and it promotes a secondary Coreapp for each shard without an owner. */
  #assign(): void {
    if (this.#of('database').length === 0) return;
    if (this.#primary === undefined && this.#options.clock.monotonic() >= this.#electionNotBeforeMs)
      this.#primary = this.#of('master')[0]?.uid;
    if (!this.hasPrimary) return;
    for (let shard = 0; shard < this.#shards; shard++) {
      if (this.#owners.has(shard)) continue;
      const taken = new Set([...this.#owners.values()].map(({ uid }) => uid));
      const chosen = this.#of('coreapp').find(({ uid }) => !taken.has(uid));
      if (!chosen) break;
      const owner: Owner = { uid: chosen.uid, connected: false, lost: false };
      this.#owners.set(shard, owner);
      this.#options.clock.after(this.#time('connect'), () => this.#connect(owner));
    }
    this.#changed();
  }

  #changed(): void {
    const served = this.#served();
    const text = served.join();
    if (text === this.#lastServed) return;
    this.#lastServed = text;
    this.#options.onServed(served);
  }

  #time(what: keyof typeof TIMES): number {
    const [from, to] = TIMES[what];
    return from + this.#options.random() * (to - from);
  }
}

const NOT_READY: NodeHealth = { errors: [{ code: 1011, title: 'Service not ready' }] };

const keyOf = ({ address, name }: Node): string => `${address}:${name}`;
