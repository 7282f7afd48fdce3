import { aborted } from '../../base/aborted.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { eitherSignal } from '../../base/eitherSignal.ts';
import type { Logger } from '../../base/logger.ts';
import type { KubeClient } from '../kube/client.ts';
import { fairShare } from '../kube/fairShare.ts';
import {
  LEASE,
  LeaderElection,
  type LeaderElectionOptions,
  type LeaseTiming,
} from '../kube/leaderElection.ts';
import { ReplicaRegister } from '../kube/replicaRegister.ts';
import { shardOf } from '../kube/shardOf.ts';
import { sharedIdentity } from '../kube/sharedLease.ts';

export interface ShardsOptions {
  /** Not behind the fence of the shards: it must write to get the leases. */
  readonly client: KubeClient;
  readonly namespace: string;
  /** Of the Lease, and the beginning of the names of the Leases of shards. */
  readonly name: string;
  /** Of this replica. */
  readonly identity: string;
  /** Into how many parts the namespaces are divided; default 1: one replica does all, the others wait. */
  readonly shards?: number | undefined;
  readonly timing?: LeaseTiming | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** What a process does about its shards. */
export interface ShardWork {
  /** Fills the caches for a shard that was taken. Rejects only when the signal fires. */
  readonly begin?: (shard: number, signal: AbortSignal) => Promise<void>;
  /** Work on the shard may begin. */
  readonly onOpen?: (shard: number) => void;
  /** Runs when all work on a shard is done, while its lease is still ours. */
  readonly finish?: (shard: number, signal: AbortSignal) => Promise<void>;
  /** The shard is no longer ours. */
  readonly onEnd?: (shard: number) => void;
  /** How long work under way may go on after a shard is given away, or the process is stopped. */
  readonly graceMs: number;
}

/** Leave to work on one key. `leave` must be called when the work is done. */
export interface Admission {
  /** Fires when the work must end at once. */
  readonly signal: AbortSignal;
  readonly leave: () => void;
}

/** A shard that this replica holds. */
interface Term {
  /** Fires when the shard is to be given away. */
  readonly leaving: AbortController;
  /** Ends the work under way. */
  readonly abort: AbortController;
  isOpen: boolean;
  underWay: number;
  onIdle: () => void;
}

const JITTER = 0.2;
/** A free shard is left to those that hold less than their share for so long. */
const PATIENCE_RETRIES = 2;
/** Of the register at the end. */
const LEAVE_TIMEOUT_MS = 2_000;

/**
 * Divides the namespaces among the replicas of an installation. Each shard has a Lease, and its holder alone works on the namespaces of
 * the shard. With one shard this is leader election.
 *
 * With more, all replicas together hold one Lease more, by the name of their number of shards: replicas that divide otherwise wait
 * until it expires. A register of the replicas tells how many shards each should hold.
 */
export class Shards {
  readonly count: number;
  readonly #options: ShardsOptions & { readonly timing: LeaseTiming };
  readonly #elections: readonly LeaderElection[];
  readonly #division: LeaderElection | undefined;
  readonly #register: ReplicaRegister | undefined;
  readonly #terms = new Map<number, Term>();
  /** When this replica began to take a shard. */
  readonly #takingMs = new Map<number, number>();
  /** Until when a shard beyond the share is kept: by then it is known whether the one that left it free is gone. */
  readonly #keptUntilMs = new Map<number, number>();
  readonly #ending = new AbortController();

  constructor({ timing = LEASE, ...options }: ShardsOptions) {
    const { name, identity, shards = 1 } = options;
    this.count = shards;
    this.#options = { ...options, timing };
    const election = (more: Partial<LeaderElectionOptions>) =>
      new LeaderElection({ ...options, timing, ...more });
    this.#elections = this.leaseNames.map((lease, shard) =>
      election({ name: lease, ...(shards > 1 ? { wants: (freeMs) => this.#wants(shard, freeMs) } : {}) }),
    );
    if (shards === 1) return;
    // It belongs to all replicas.
    this.#division = election({ identity: sharedIdentity(shards), isShared: () => true });
    this.#register = new ReplicaRegister({ ...options, timing, name: `${name}-replicas`, identity });
  }

  /** Of the Lease of each shard. */
  get leaseNames(): string[] {
    const { name } = this.#options;
    if (this.count === 1) return [name];
    return Array.from({ length: this.count }, (_, shard) => `${name}-shard-${shard}`);
  }

  /** Fires when no more work begins: the process was stopped, or has lost a lease. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** The shards on which this replica works. */
  get open(): number[] {
    return [...this.#terms].filter(([, { isOpen }]) => isOpen).map(([shard]) => shard);
  }

  /** The shard of a namespace; of what has none, that of the empty name. */
  shardOf(namespace: string | undefined): number {
    return shardOf(namespace, this.count);
  }

  /** Whether objects of a namespace are worth keeping. With one shard, a replica that waits keeps its caches filled. */
  watches(namespace: string | undefined): boolean {
    return this.count === 1 || this.#terms.has(this.shardOf(namespace));
  }

  /** Whether work on a namespace may begin. */
  isOpen(namespace: string | undefined): boolean {
    return this.#terms.get(this.shardOf(namespace))?.isOpen ?? false;
  }

  /** Begins work on a namespace; undefined if another replica works on it. */
  enter(namespace: string | undefined): Admission | undefined {
    const term = this.#terms.get(this.shardOf(namespace));
    if (!term?.isOpen) return undefined;
    term.underWay += 1;
    return {
      signal: term.abort.signal,
      leave: () => {
        term.underWay -= 1;
        if (term.underWay === 0) term.onIdle();
      },
    };
  }

  /**
   * The fence right before a write.
   * @throws CodedError `NotLeader` when the lease of the namespace's shard is not ours any more
   */
  assertHeld(namespace: string | undefined): void {
    this.#division?.assertLeader();
    this.#elections[this.shardOf(namespace)]?.assertLeader();
  }

  /** As `assertHeld`, of any shard: for what the replicas do together. */
  assertAny(): void {
    this.#division?.assertLeader();
    if (!this.#elections.some(({ isLeader }) => isLeader)) this.#elections[0]?.assertLeader();
  }

  /**
   * Takes this replica's share, and works on it until `stop` fires or a lease is lost; nothing more may be written then. Call it once,
   * when the process is ready to work.
   */
  async run(work: ShardWork, stop: AbortSignal): Promise<void> {
    const end = () => this.#ending.abort();
    if (stop.aborted) end();
    stop.addEventListener('abort', end, { once: true });
    const serve = async () => {
      await Promise.all([this.#beat(), ...this.#elections.map((_, shard) => this.#serve(shard, work))]);
    };
    try {
      if (!this.#division) await serve();
      else if (await this.#acquires(this.#division))
        await this.#division.lead((lost) => {
          lost.addEventListener('abort', () => this.#lose(lost.reason), { once: true });
          return serve();
        });
    } finally {
      stop.removeEventListener('abort', end);
    }
  }

  #acquires(election: LeaderElection): Promise<boolean> {
    return election.acquire(this.ending).then(
      () => true,
      () => false,
    );
  }

  /** Whatever a replica does after it has lost a lease, it could do to the work of another. */
  #lose(reason: unknown): void {
    for (const { abort } of this.#terms.values()) abort.abort(reason);
    this.#ending.abort();
  }

  async #serve(shard: number, work: ShardWork): Promise<void> {
    const election = this.#elections[shard];
    while (election && !this.ending.aborted && (await this.#acquires(election)))
      if (!(await this.#lead(shard, election, work))) this.#ending.abort();
  }

  async #lead(shard: number, election: LeaderElection, work: ShardWork): Promise<boolean> {
    const { clock } = this.#options;
    const term: Term = {
      leaving: new AbortController(),
      abort: new AbortController(),
      isOpen: false,
      underWay: 0,
      onIdle: () => {},
    };
    this.#terms.set(shard, term);
    const isKept = await election.lead(async (lost) => {
      lost.addEventListener('abort', () => term.abort.abort(lost.reason), { once: true });
      const over = eitherSignal(this.ending, term.leaving.signal, term.abort.signal);
      await work.begin?.(shard, over.signal).catch(() => {});
      if (!over.signal.aborted) {
        term.isOpen = true;
        work.onOpen?.(shard);
      }
      await aborted(over.signal);
      over.release();
      term.isOpen = false;
      const tooLate = new CodedError('Stopping', `not finished ${work.graceMs} ms after the stop`);
      const disarm = clock.after(work.graceMs, () => term.abort.abort(tooLate));
      while (term.underWay > 0)
        await new Promise<void>((resolve) => {
          term.onIdle = resolve;
        });
      await work.finish?.(shard, term.abort.signal);
      disarm();
    });
    this.#terms.delete(shard);
    work.onEnd?.(shard);
    return isKept;
  }

  /** Looks how many replicas there are, and gives away what is more than this one's share. */
  async #beat(): Promise<void> {
    const register = this.#register;
    if (!register) return;
    const { clock, random, timing, logger } = this.#options;
    while (!this.ending.aborted) {
      const isAnswered = await register.beat(this.ending);
      // What cannot be released is nobody's until its lease expires.
      const share = isAnswered ? this.#share() : undefined;
      const kept = [...this.#terms].filter(([, { leaving }]) => !leaving.signal.aborted);
      const excess = share === undefined ? 0 : Math.max(0, kept.length - share);
      const movable = kept.filter(([shard]) => (this.#keptUntilMs.get(shard) ?? 0) <= clock.monotonic());
      for (const [shard, { leaving }] of movable.sort(([a], [b]) => b - a).slice(0, excess)) {
        logger.info('giving a shard away', { shard, replicas: register.live.length });
        leaving.abort();
      }
      await sleep(clock, timing.retryMs * (1 + JITTER * random()), this.ending).catch(() => {});
    }
    const patience = new AbortController();
    const disarm = clock.after(LEAVE_TIMEOUT_MS, () => patience.abort());
    await register.leave(patience.signal);
    disarm();
  }

  /** How many shards this replica should hold; undefined while it does not know the others. */
  #share(): number | undefined {
    const { identity } = this.#options;
    const live = this.#register?.live ?? [];
    if (!live.includes(identity)) return undefined;
    return fairShare(
      identity,
      this.#elections.map(({ holder }) => holder),
      live,
    );
  }

  #wants(shard: number, freeMs: number): boolean {
    const { clock, timing } = this.#options;
    const nowMs = clock.monotonic();
    // Whoever should have taken it does not: too many in one hand are better than none in any. A replica that has just started
    // must watch a lease for as long as it lasts before it may take it.
    if (freeMs > PATIENCE_RETRIES * timing.retryMs * (1 + JITTER)) {
      this.#keptUntilMs.set(shard, nowMs + timing.durationMs);
      return true;
    }
    const kept = [...this.#terms.values()].filter(({ leaving }) => !leaving.signal.aborted).length;
    const taking = [...this.#takingMs].filter(
      ([other, atMs]) => other !== shard && !this.#terms.has(other) && nowMs - atMs < timing.retryMs,
    ).length;
    if (kept + taking >= (this.#share() ?? 0)) return false;
    this.#takingMs.set(shard, nowMs);
    return true;
  }
}
