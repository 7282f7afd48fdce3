import type { CodedError } from '../../base/codedError.ts';
import { isLogLevel } from '../../base/logger.ts';
import { MovableClock } from '../../base/movableClock.ts';
import { BUILD_LIFETIME_DAYS } from '../../onprem/environment.ts';
import type { GatewayStatus, NodeRole } from '../../onprem/health.ts';
import type { ClusterStore } from '../store/clusterStore.ts';
import type { Account, ConfigStore } from '../store/configStore.ts';
import { FileConfigStore } from '../store/fileConfigStore.ts';
import { isTooOld } from '../store/schemaTooNew.ts';
import type { Stores } from '../store/stores.ts';
import { ConnectionPool } from '../wire/connectionPool.ts';
import { type LineSeal, lineSeal } from '../wire/lineSeal.ts';
import { type NodeCallName, nodeProtocol } from '../wire/nodeProtocol.ts';
import { Refusal } from '../wire/protocol.ts';
import type { RpcServer } from '../wire/rpcServer.ts';
import { ControlPort } from './controlPort.ts';
import type { CoreappOptions } from './coreappOptions.ts';
import { Housekeeping } from './housekeeping.ts';
import { Membership } from './membership.ts';
import { Messaging } from './messaging.ts';
import { NodeMetrics } from './nodeMetrics.ts';
import { isUpgrading, prepareSchema } from './prepareSchema.ts';

const TICK_MS = 1_000;
/** Not found in any source: the wording of an expired build's refusal. */
export const EXPIRED = 'This client version has expired. Please upgrade';
type Settings = Awaited<ReturnType<ConfigStore['settings']>>;

/** A node of the coreapp image: a Coreapp, a Master, or in single-instance mode both at once. */
export class CoreappNode {
  readonly options: CoreappOptions;
  readonly id: string;
  readonly stores: Stores;
  readonly cluster: ClusterStore;
  readonly config: ConfigStore;
  readonly pool: ConnectionPool<typeof nodeProtocol>;
  readonly metrics = new NodeMetrics();
  readonly messaging: Messaging;
  readonly housekeeping: Housekeeping;
  readonly seal: LineSeal | undefined;
  /** The time of the simulation: that of the machine, unless a test has moved it. Links and leases follow the machine. */
  readonly time: MovableClock;
  /** Epoch ms. An expired build sends nothing. */
  readonly expiresAt: number;
  readonly #control: ControlPort;
  readonly #membership: Membership;
  readonly #stop = new AbortController();
  #servers: readonly RpcServer[] = [];
  #loop: Promise<void> = Promise.resolve();
  /** Resolves when the node can never work, because its databases belong to a newer client. */
  readonly failed: Promise<CodedError>;
  #fail: (error: CodedError) => void = () => {};
  /** Ends the pause before the next round. */
  #endPause: () => void = () => {};
  #schemaReady = false;
  #hasRun = false;
  #account: Account | undefined;
  #settings: Settings | undefined;

  constructor(options: CoreappOptions) {
    this.options = options;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    const { configFolder, clock, logger } = options;
    this.id = `${options.hostname}:${options.container}`;
    this.time = options.time ?? new MovableClock(clock);
    this.expiresAt = (options.buildDateMs ?? clock.now()) + BUILD_LIFETIME_DAYS * 86_400_000;
    this.#control = new ControlPort({ clock, logger });
    this.seal = lineSeal(options.secret ?? '', clock);
    this.pool = new ConnectionPool(nodeProtocol, clock, { seal: this.seal, wire: options.wire });
    this.stores = options.stores(this.time);
    this.cluster = this.stores.cluster;
    this.config = configFolder === undefined ? this.stores.config : new FileConfigStore(configFolder);
    this.messaging = new Messaging({
      ...options,
      stores: this.stores,
      time: this.time,
      refresh: () => this.refresh(),
      config: this.config,
      metrics: this.metrics,
      settings: () => this.#settings,
      shard: () => this.ownedShard,
      signal: this.#stop.signal,
    });
    const { store, media } = this.messaging;
    this.#membership = new Membership({
      ...options,
      id: this.id,
      cluster: this.cluster,
      messages: store,
      pool: this.pool,
      tickMs: TICK_MS,
    });
    this.housekeeping = new Housekeeping({
      node: options.multiconnect ? this.id : undefined,
      store,
      media,
      settings: () => this.#settings,
      shard: () => this.ownedShard ?? 0,
      isPrimary: () => this.isPrimary,
      onCallback: () => this.messaging.wakeWebhooks(),
      clock: this.time,
      logger,
    });
  }

  /** Starts the loop of the node, which opens and closes `control`. `close` also closes these servers. */
  run(servers: readonly RpcServer[], control: RpcServer | undefined): void {
    this.#servers = servers;
    if (control) this.#control.attach(control);
    this.#loop = this.#run();
  }

  /** Hands over lease and shard, so that others need not wait until the node counts as unhealthy. */
  async close(): Promise<void> {
    // First of all, so that nobody counts on the node any more.
    this.#control.end();
    this.#stop.abort(new Error('stopping'));
    await this.#loop;
    await this.housekeeping.idle();
    await this.messaging.close();
    await this.#membership.leave();
    this.pool.close();
    await Promise.all(this.#servers.map((server) => server.close()));
  }

  get account(): Account | undefined {
    return this.#account;
  }

  /** Whether this node serves the calls of the primary Master. */
  get isPrimary(): boolean {
    return !this.options.multiconnect || this.#membership.isPrimary;
  }

  get role(): NodeRole | undefined {
    if (!this.options.multiconnect) return undefined;
    if (!this.options.master) return 'coreapp';
    return this.#membership.isPrimary ? 'primary_master' : 'secondary_master';
  }

  get gatewayStatus(): GatewayStatus {
    if (!this.#schemaReady) return 'uninitialized';
    if (!this.#account?.registrationKey) return 'unregistered';
    return this.messaging.gateway.status;
  }

  get isExpired(): boolean {
    return this.time.now() >= this.expiresAt;
  }

  /** As the node last read them. */
  get settings(): Settings | undefined {
    return this.#settings;
  }

  get ownedShard(): number | undefined {
    return this.#membership.ownShard;
  }

  get isReady(): boolean {
    return this.#schemaReady;
  }

  /** Reads settings and account now, without waiting for the next tick. */
  async refresh(): Promise<void> {
    [this.#settings, this.#account] = await Promise.all([this.config.settings(), this.config.account()]);
  }

  /** Does the next round of the loop now. */
  hurry(): void {
    this.#endPause();
  }

  async #run(): Promise<void> {
    const { logger } = this.options;
    const { signal } = this.#stop;
    let lastProblem = '';
    let waits = 0;
    while (!signal.aborted) {
      try {
        await this.#tick(signal);
        lastProblem = '';
        waits = 0;
      } catch (error) {
        if (isTooOld(error)) {
          logger.error('node is older than its databases and ends', { error });
          return this.#fail(error);
        }
        waits = isUpgrading(error) ? waits + 1 : 0;
        const problem = error instanceof Error ? error.message : String(error);
        // The same problem is logged once, not every second.
        if (!signal.aborted && problem !== lastProblem)
          logger.warn('node cannot work yet; it tries again', { error });
        lastProblem = problem;
      }
      // The real product waits for an upgrade like this: 1, 2, 4, 8, 16 s. Source: docs/onprem/deployment.md §5.1.
      const waitMs = TICK_MS * 2 ** Math.min(4, Math.max(0, waits - 1));
      await this.#pause(waitMs);
    }
  }

  async #pause(forMs: number): Promise<void> {
    const { clock } = this.options;
    const { signal } = this.#stop;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(forMs, resolve);
      const end = () => {
        cancel();
        resolve();
      };
      this.#endPause = end;
      signal.addEventListener('abort', end, { once: true });
    });
    signal.removeEventListener('abort', this.#endPause);
    this.#endPause = () => {};
  }

  async #tick(signal: AbortSignal): Promise<void> {
    if (!this.#schemaReady && !(await this.#prepare())) return;
    await this.refresh();
    this.#setLogLevel();
    this.housekeeping.attend();
    const { heartbeat_interval: heartbeatSeconds = 5, unhealthy_interval: unhealthySeconds = 30 } =
      this.#settings ?? {};
    const intervals = { heartbeatSeconds, unhealthySeconds };
    this.#schemaReady = await this.#membership.attend(intervals);
    await this.#control.show(this.#membership.isMember, unhealthySeconds * 1000);
    await this.#membership.lead(intervals, signal);
    const { account } = this;
    const { session, shards } = this.#membership;
    const target =
      account?.registrationKey && session && !this.isExpired ? { account, shards, ...session } : undefined;
    await this.messaging.connect(target);
    if (!this.options.master) await this.messaging.serve();
  }

  async #prepare(): Promise<boolean> {
    const client = { version: this.options.version, name: this.id };
    // A node that has worked on these databases goes on after it was forgotten, also if a newer client has upgraded them.
    const isThere =
      (this.#hasRun && (await this.stores.isCurrent())) ||
      (await prepareSchema(this.options, this.stores, client));
    if (!isThere) return false;
    await this.#membership.join();
    this.#schemaReady = true;
    this.#hasRun = true;
    this.options.logger.info('node ready', { node: this.id });
    return true;
  }

  /** Not found in any source: the allowed values. An unknown level changes nothing. */
  #setLogLevel(): void {
    const { verbose_logging: isVerbose, log_level: level } = this.#settings ?? {};
    if (isVerbose) this.options.setLogLevel?.('debug');
    else if (isLogLevel(level)) this.options.setLogLevel?.(level);
  }

  /** @throws Refusal for a call of the primary Master: 1011 before the schema is there, 1017 on any other node */
  assertServes(call: NodeCallName): void {
    if (nodeProtocol.calls[call].servedBy !== 'primary') return;
    if (!this.#schemaReady)
      throw new Refusal(1011, 'Wacore is not instantiated. Please check wacore log for details.');
    if (!this.isPrimary) throw new Refusal(1017, 'This node is not the primary Master');
  }

  /** @throws Refusal 1018 when another node owns the shard, 1011 before registration */
  assertOwner(shard: number): string {
    if (this.isExpired) throw new Refusal(1005, EXPIRED);
    if (this.ownedShard !== shard) throw new Refusal(1018, `shard ${shard} is not served by this node`);
    if (!this.#account?.registrationKey) throw new Refusal(1011, 'the number is not registered');
    return this.#account.cc + this.#account.phoneNumber;
  }
}
