import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { ClusterStore, NodeRecord } from '../store/clusterStore.ts';
import type { MessageStore } from '../store/messageStore.ts';
import type { ConnectionPool } from '../wire/connectionPool.ts';
import type { NodeProtocol } from '../wire/nodeProtocol.ts';
import { CLUSTER_BEHAVIOUR, greet, masterRound } from './masterDuties.ts';

export interface MembershipOptions {
  /** `<hostname>:<container id>` */
  readonly id: string;
  readonly multiconnect: boolean;
  readonly master: boolean;
  /** Address by which others reach this node. */
  readonly hostname: string;
  readonly container: string;
  readonly externalPorts: readonly number[];
  readonly version: string;
  readonly cluster: ClusterStore;
  readonly messages: MessageStore;
  readonly pool: ConnectionPool<NodeProtocol>;
  /** How often `attend` is called. */
  readonly tickMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a session is opened for. */
export interface OwnedShard {
  readonly shard: number;
  readonly epoch: number;
}

interface Intervals {
  readonly heartbeatSeconds: number;
  readonly unhealthySeconds: number;
}

/** Its number in `shards` of `/v1/support`. */
const CONTROL_SHARD = -1;

/** The part of a node in its stack, as the database decides: primary Master or not, and which shard it owns. */
export class Membership {
  readonly #options: MembershipOptions;
  /** A restarted node is another holder: the lease of its predecessor has to expire. */
  readonly #holder: string;
  readonly #startedAt: number;
  #joined = false;
  #primary = false;
  #primaryEpoch = 0;
  #own: OwnedShard | undefined;
  #shards = 1;
  #nextRoundAt = 0;
  #isMember = false;
  /** Since when this node has seen a primary Master all along, monotonic ms. */
  #primarySince: number | undefined;
  /** Nodes that have just registered, as the last look showed. */
  #newcomers: readonly NodeRecord[] = [];

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#holder = `${options.id}#${randomBytes(6).toString('hex')}`;
    this.#startedAt = options.clock.monotonic();
  }

  get isPrimary(): boolean {
    return this.#primary;
  }

  /**
   * Whether the stack counts this node, as of the last look: it is registered, so `/v1/health` lists it, and the primary
   * Master has had its heartbeat. A single instance is a member once it owns its shard.
   */
  get isMember(): boolean {
    return this.#isMember;
  }

  /** Number of shards of the number. */
  get shards(): number {
    return this.#shards;
  }

  get ownShard(): number | undefined {
    return this.#own?.shard;
  }

  /** The session that this node has to hold. With several shards, the primary Master has that of the control shard. */
  get session(): OwnedShard | undefined {
    if (this.#own) return this.#own;
    // The epoch is the time of the takeover, so a newer primary always has a higher one.
    return this.#primary && this.#shards > 1
      ? { shard: CONTROL_SHARD, epoch: this.#primaryEpoch }
      : undefined;
  }

  /** Registers the node in the database. It owns nothing at first. */
  async join(): Promise<void> {
    const { id, multiconnect, hostname, container, externalPorts, master, version, cluster } = this.#options;
    if (multiconnect) await cluster.disown(id);
    await cluster.register({ id, hostname, container, ports: externalPorts, master, version });
    this.#joined = true;
  }

  /** Gives up lease and shard, so that others need not wait until the node counts as unhealthy. */
  async leave(): Promise<void> {
    const { id, multiconnect, cluster } = this.#options;
    if (!this.#joined || !multiconnect) return;
    await cluster.releaseLease(this.#holder).catch(() => {});
    await cluster.unregister(id).catch(() => {});
  }

  /** Called regularly. @returns whether the database still knows the node; otherwise it has to join again */
  async attend(intervals: Intervals): Promise<boolean> {
    const { id, multiconnect, master, cluster } = this.#options;
    if (!multiconnect) {
      await this.#claim();
      this.#isMember = this.#own !== undefined;
      return true;
    }
    const map = await cluster.shardMap();
    this.#shards = map.length;
    if (master) await this.#compete();
    const own = master ? undefined : map.find(({ owner }) => owner === id);
    this.#own = own && { shard: own.shard, epoch: own.epoch };
    const [nodes, primary] = await Promise.all([cluster.nodes(), cluster.primaryMaster()]);
    const self = nodes.find((node) => node.id === id);
    this.#isMember = self !== undefined && this.#isCounted(self, primary !== undefined, intervals);
    this.#newcomers = nodes.filter(
      (node) => !isHeard(node) && node.id !== id && node.upSeconds < intervals.heartbeatSeconds,
    );
    return self !== undefined;
  }

  /** Called after `attend`: the duties of the primary Master. */
  async lead(intervals: Intervals, signal: AbortSignal): Promise<void> {
    if (!this.#primary) return;
    const { id, cluster, messages, pool, tickMs, clock, logger } = this.#options;
    const duties = { self: id, cluster, messages, pool, clock, logger };
    if (clock.monotonic() < this.#nextRoundAt) return greet(duties, this.#newcomers, signal);
    this.#nextRoundAt = clock.monotonic() + intervals.heartbeatSeconds * 1000 - tickMs / 2;
    await masterRound(duties, intervals, signal);
  }

  #isCounted(self: NodeRecord, hasPrimary: boolean, { unhealthySeconds }: Intervals): boolean {
    const now = this.#options.clock.monotonic();
    this.#primarySince = hasPrimary ? (this.#primarySince ?? now) : undefined;
    if (this.#primary) return true;
    if (!this.#isMember) return hasPrimary && isHeard(self) && self.silentSeconds <= unhealthySeconds;
    // Only a primary Master declares nodes dead. While all Masters are down, Coreapps go on serving, and a new primary
    // Master has not heard of anybody yet. Source: docs/onprem/deployment.md §1.2.
    const judgedSeconds = this.#primarySince === undefined ? 0 : (now - this.#primarySince) / 1000;
    return Math.min(self.silentSeconds, judgedSeconds) <= unhealthySeconds;
  }

  /** The only Coreapp takes the only shard, with a higher epoch, which ends any older session. */
  async #claim(): Promise<void> {
    if (this.#own) return;
    const { id, cluster } = this.#options;
    const [shard] = await cluster.shardMap();
    if (shard && (await cluster.assign(shard, id)))
      this.#own = { shard: shard.shard, epoch: shard.epoch + 1 };
  }

  async #compete(): Promise<void> {
    const { cluster, clock, logger } = this.#options;
    const isPrimary =
      (this.#primary || (await this.#mayCompete())) &&
      (await cluster.tryLease(this.#holder, CLUSTER_BEHAVIOUR.leaseSeconds));
    if (isPrimary && !this.#primary) this.#primaryEpoch = Math.floor(clock.now() / 1000);
    if (isPrimary !== this.#primary)
      logger.info(isPrimary ? 'became primary Master' : 'lost the Master lease');
    this.#primary = isPrimary;
  }

  /** A Master that has just started does not compete for an existing lease: others have warm caches. */
  async #mayCompete(): Promise<boolean> {
    const { clock, cluster } = this.#options;
    const youngMs = CLUSTER_BEHAVIOUR.leaseSeconds * 1500;
    return clock.monotonic() - this.#startedAt > youngMs || !(await cluster.hasLease());
  }
}

/** Whether a primary Master has had a heartbeat of the node since it registered: both times are equal until then. */
const isHeard = ({ silentSeconds, upSeconds }: NodeRecord): boolean => silentSeconds < upSeconds;
