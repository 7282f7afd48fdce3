import fc from 'fast-check';
import { type Clock, sleep } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { seeded } from '../../src/base/seeded.ts';
import { VirtualClock } from '../../src/base/virtualClock.ts';
import { Shards } from '../../src/engine/controller/shards.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import { fencedTransport } from '../../src/engine/kube/fencedTransport.ts';
import { type KubeObject, namespaceOfPath } from '../../src/engine/kube/kubeObject.ts';
import { LEASE } from '../../src/engine/kube/leaderElection.ts';
import { shardOf } from '../../src/engine/kube/shardOf.ts';
import { SimulatedApiServer } from '../../src/engine/simulation/simulatedApiServer.ts';
import { type Fault, SimulatedTransport } from '../../src/engine/simulation/simulatedTransport.ts';
import { ProcessClock } from './simulatedProcess.ts';

/** What must hold in every schedule. */
export const SHARD_INVARIANTS = {
  once: 'a replica never writes in a namespace after a later holder has written there',
  held: 'a shard is without a holder for no longer than a lease and some retries, while a replica could hold it',
  fair: 'in the end the shares differ by at most one, and no shard changes hands any more',
} as const;
export type ShardInvariant = keyof typeof SHARD_INVARIANTS;

export interface ShardViolation {
  readonly invariant: ShardInvariant;
  readonly detail: string;
}

const REPLICAS = 4;
const RETRY_MS = LEASE.retryMs * 1.2;
const SAMPLE_MS = 1_000;
const SLOWEST = 1.02;
/** From one look of a replica at a lease to the next. */
const LOOK_MS = RETRY_MS * SLOWEST + 600;
/**
 * No shard may be without a holder for longer, while there is a replica that could hold it. The worst case: a holder gives a shard away,
 * and its release is lost. Another looks, waits as long as the lease lasts by a slow clock, looks again and leaves the shard for two
 * retries to those that hold less, and takes it at the look after that. It begins anew when a replica takes the shard and fails.
 */
const LONGEST_GAP_MS = (LEASE.durationMs + 2 * RETRY_MS) * SLOWEST + 3 * LOOK_MS + SAMPLE_MS;
/** After this time without faults all is settled. */
const SETTLING_MS = 60_000;
const WATCHED_MS = 20_000;
const RESTART_MS = 1_000;

interface Act {
  readonly afterMs: number;
  readonly replica: number;
  readonly kind: 'start' | 'stop' | 'kill' | 'hang' | 'cut';
  readonly forMs: number;
}

export interface ShardSchedule {
  readonly seed: number;
  readonly shards: number;
  /** How much faster than the world the clock of each replica runs. */
  readonly drifts: readonly number[];
  readonly acts: readonly Act[];
}

export const shardSchedules: fc.Arbitrary<ShardSchedule> = fc.record({
  seed: fc.nat(2 ** 31),
  shards: fc.integer({ min: 1, max: 5 }),
  drifts: fc.array(fc.double({ min: -0.02, max: 0.02, noNaN: true }), {
    minLength: REPLICAS,
    maxLength: REPLICAS,
  }),
  acts: fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 15_000 }),
      replica: fc.nat(REPLICAS - 1),
      kind: fc.constantFrom<Act['kind'][]>('start', 'start', 'stop', 'kill', 'hang', 'cut'),
      forMs: fc.constantFrom(2_000, 8_000, 14_000, 22_000, 40_000),
    }),
    { minLength: 3, maxLength: 10 },
  ),
});

/** A clock that runs faster or slower. */
const drifting = (base: Clock, drift: number): Clock => ({
  now: () => base.now() * (1 + drift),
  monotonic: () => base.monotonic() * (1 + drift),
  after: (delayMs, callback) => base.after(delayMs / (1 + drift), callback),
});

class Replica {
  readonly name: string;
  readonly shards: Shards;
  readonly stopped = new AbortController();
  readonly clock: ProcessClock;
  isOver = false;
  isCut = false;
  isHanging = false;
  /** Since when nothing has kept it from work. */
  healthySinceMs: number | undefined;
  readonly #terms = new Map<number, number>();

  constructor(world: ShardWorld, name: string, drift: number) {
    this.name = name;
    const { server, clock: base, random } = world;
    const clock = new ProcessClock(drifting(base, drift));
    this.clock = clock;
    const fault = (): Fault =>
      this.isCut
        ? { outcome: 'lost', delayMs: 50 }
        : { delayMs: random() * 150, answerDelayMs: random() * 150 };
    const transport = clock.behind(new SimulatedTransport({ server, clock: base, fault }));
    const shards = new Shards({
      client: new KubeClient(transport),
      namespace: 'default',
      name: 'sample',
      identity: name,
      shards: world.schedule.shards,
      clock,
      random,
      logger: silentLogger,
    });
    this.shards = shards;
    const fenced = new KubeClient(
      fencedTransport(transport, ({ path }) => {
        const namespace = namespaceOfPath(path);
        shards.assertHeld(namespace);
        // The fence has let it pass.
        world.wrote(namespace ?? '', `${name} term ${this.#terms.get(shards.shardOf(namespace))}`);
      }),
    );
    const work = {
      graceMs: 5_000,
      onOpen: (shard: number) => {
        this.#terms.set(shard, (this.#terms.get(shard) ?? 0) + 1);
      },
    };
    void shards.run(work, this.stopped.signal).then(() => {
      this.isOver = true;
    });
    for (const namespace of world.namespaces.slice(0, 2)) void this.#work(namespace, fenced, clock, random);
  }

  /** Reconciles one object of a namespace again and again, each time with two writes. */
  async #work(namespace: string, client: KubeClient, clock: Clock, random: () => number): Promise<void> {
    const never = new AbortController().signal;
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'work', namespace } };
    while (!this.isOver) {
      const admission = this.shards.enter(namespace);
      for (let writes = 0; admission && writes < 2; writes++) {
        const data = { by: this.name };
        await client
          .apply({ ...object, data }, { fieldManager: 'sample', force: true }, admission.signal)
          .catch(() => {});
        await sleep(clock, 300 * random(), never);
      }
      admission?.leave();
      await sleep(clock, admission ? 400 : 2_000, never);
    }
  }

  get isAlive(): boolean {
    return !this.isOver && !this.clock.dead;
  }

  /** Whether it may write in a namespace at this moment, if it runs. */
  holds(namespace: string): boolean {
    if (!this.isAlive || !this.shards.isOpen(namespace)) return false;
    try {
      this.shards.assertHeld(namespace);
      return true;
    } catch {
      return false;
    }
  }

  /** Whether nothing keeps it from work. */
  get isHealthy(): boolean {
    return this.isAlive && !this.isCut && !this.isHanging && !this.stopped.signal.aborted;
  }
}

type Held = KubeObject & { readonly spec?: { readonly holderIdentity?: string } };

class ShardWorld {
  readonly schedule: ShardSchedule;
  readonly clock = new VirtualClock(Date.UTC(2030, 0, 1));
  readonly server = new SimulatedApiServer({ clock: this.clock });
  readonly random: () => number;
  /** One namespace of each shard. */
  readonly namespaces: readonly string[];
  readonly violations: ShardViolation[] = [];
  readonly #replicas: (Replica | undefined)[] = Array.from({ length: REPLICAS });
  /** By namespace, the terms in which something was written there, one after the other. */
  readonly #writers = new Map<string, string[]>();
  readonly #heldAtMs = new Map<number, number>();
  /** By shard, who took its Lease last, and when. */
  readonly #taken = new Map<number, { readonly by: string; readonly atMs: number }>();
  #starts = 0;
  longestGapMs = 0;

  constructor(schedule: ShardSchedule) {
    this.schedule = schedule;
    this.random = seeded(schedule.seed);
    const names = Array.from({ length: 200 }, (_, index) => `shop-${index}`);
    this.namespaces = Array.from(
      { length: schedule.shards },
      (_, shard) => names.find((name) => shardOf(name, schedule.shards) === shard) ?? '',
    );
    this.server.onChange(({ object, previous }) => this.#noteHolder(object as Held, previous as Held));
  }

  wrote(namespace: string, term: string): void {
    const writers = this.#writers.get(namespace) ?? [];
    this.#writers.set(namespace, writers);
    if (writers.at(-1) === term) return;
    if (writers.includes(term))
      this.#violated('once', `${term} writes in ${namespace} after ${writers.at(-1)}`);
    writers.push(term);
  }

  #noteHolder({ metadata, spec }: Held, previous: Held | undefined): void {
    const [, shard] = /-shard-(\d+)$/.exec(metadata.name) ?? [];
    const by = spec?.holderIdentity;
    if (shard === undefined || !by || by === previous?.spec?.holderIdentity) return;
    this.#taken.set(Number(shard), { by, atMs: this.clock.now() });
  }

  /** When a replica took a shard that has failed since, maybe before it worked there: its lease has to expire as well. */
  #lostTakeMs(shard: number): number {
    const taken = this.#taken.get(shard);
    const isThere = this.#replicas.some((replica) => replica?.name === taken?.by && replica?.isHealthy);
    return taken && !isThere ? taken.atMs : 0;
  }

  async run(): Promise<void> {
    for (const index of [0, 1]) this.#start(index);
    for (const act of this.schedule.acts) {
      await this.#pass(act.afterMs);
      this.#act(act);
    }
    await this.#pass(20_000);
    this.#heal();
    // Until whoever was to stop has stopped.
    await this.#pass(10_000);
    if (!this.#replicas.some((replica) => replica?.isHealthy)) this.#start(0);
    await this.#pass(SETTLING_MS);
    const settled = this.#holders();
    await this.#pass(WATCHED_MS);
    this.#judgeShares(settled);
    for (const replica of this.#replicas) replica?.clock.kill();
  }

  #act({ replica: index, kind, forMs }: Act): void {
    const replica = this.#replicas[index];
    if (kind === 'start') this.#start(index);
    else if (!replica?.isAlive) return;
    else if (kind === 'stop') replica.stopped.abort();
    else if (kind === 'kill') replica.clock.kill();
    else if (kind === 'hang') {
      replica.isHanging = true;
      replica.clock.suspend();
      this.clock.after(forMs, () => this.#resume(replica));
    } else {
      replica.isCut = true;
      this.clock.after(forMs, () => {
        replica.isCut = false;
      });
    }
  }

  #resume(replica: Replica): void {
    if (!replica.isHanging) return;
    replica.isHanging = false;
    replica.clock.resumeInTurn();
  }

  /** Starts a replica, and starts it anew whenever it ends by itself. */
  #start(index: number): void {
    const known = this.#replicas[index];
    if (known?.isAlive) return;
    const name = `replica-${index}-${this.#starts++}`;
    this.#replicas[index] = new Replica(this, name, this.schedule.drifts[index] ?? 0);
  }

  #heal(): void {
    for (const replica of this.#replicas) {
      if (!replica) continue;
      replica.isCut = false;
      this.#resume(replica);
    }
  }

  async #pass(forMs: number): Promise<void> {
    for (let leftMs = forMs; leftMs > 0; leftMs -= SAMPLE_MS) {
      await this.clock.advance(Math.min(SAMPLE_MS, leftMs));
      this.#sample();
    }
  }

  #sample(): void {
    for (const [index, replica] of this.#replicas.entries())
      if (replica?.isOver && !replica.stopped.signal.aborted) {
        this.#replicas[index] = undefined;
        this.clock.after(RESTART_MS, () => this.#start(index));
      }
    const nowMs = this.clock.now();
    for (const replica of this.#replicas)
      if (replica) replica.healthySinceMs = replica.isHealthy ? (replica.healthySinceMs ?? nowMs) : undefined;
    const couldHoldSinceMs = Math.min(
      ...this.#replicas.map((replica) => replica?.healthySinceMs ?? Number.POSITIVE_INFINITY),
    );
    for (const [shard, namespace] of this.namespaces.entries()) {
      const isHeld = this.#replicas.some((replica) => replica?.holds(namespace));
      if (isHeld) this.#heldAtMs.set(shard, nowMs);
      const heldAtMs = this.#heldAtMs.get(shard) ?? 0;
      const gapMs = nowMs - Math.max(heldAtMs, couldHoldSinceMs, this.#lostTakeMs(shard));
      this.longestGapMs = Math.max(this.longestGapMs, gapMs);
      if (gapMs > LONGEST_GAP_MS && gapMs <= LONGEST_GAP_MS + SAMPLE_MS)
        this.#violated('held', `shard ${shard} has had no holder for ${gapMs} ms`);
    }
  }

  #holders(): (string | undefined)[] {
    return this.namespaces.map(
      (namespace) =>
        this.#replicas.find((replica) => replica?.isAlive && replica.shards.isOpen(namespace))?.name,
    );
  }

  #judgeShares(settled: readonly (string | undefined)[]): void {
    const holders = this.#holders();
    if (holders.join() !== settled.join())
      this.#violated('fair', `shards still move: from ${settled.join()} to ${holders.join()}`);
    const live = this.#replicas.filter((replica) => replica?.isHealthy);
    const shares = live.map((replica) => replica?.shards.open.length ?? 0);
    const held = shares.reduce((sum, share) => sum + share, 0);
    if (held !== this.schedule.shards || Math.max(...shares) - Math.min(...shares) > 1)
      this.#violated('fair', `${this.schedule.shards} shards are shared as ${shares.join(', ')}`);
  }

  #violated(invariant: ShardInvariant, detail: string): void {
    this.violations.push({ invariant, detail: `${detail} (${this.clock.now() - Date.UTC(2030, 0, 1)} ms)` });
  }
}

/** Plays a schedule of replicas that start, stop, die, hang and lose the connection. */
export async function runShardSchedule(
  schedule: ShardSchedule,
): Promise<{ readonly violations: readonly ShardViolation[]; readonly longestGapMs: number }> {
  const world = new ShardWorld(schedule);
  await world.run();
  return world;
}
