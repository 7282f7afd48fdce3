import { sleep } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { isLogLevel } from '../../base/logger.ts';
import { BUILD_LIFETIME_DAYS } from '../../onprem/environment.ts';
import type { GatewayStatus, NodeRole } from '../../onprem/health.ts';
import type { MediaProvider } from '../../onprem/profile.ts';
import { CallbackStore } from '../store/callbackStore.ts';
import { ClusterStore } from '../store/clusterStore.ts';
import type { Account, ConfigStore } from '../store/configStore.ts';
import { DatabaseConfigStore } from '../store/databaseConfigStore.ts';
import { FileConfigStore } from '../store/fileConfigStore.ts';
import { MediaStore } from '../store/mediaStore.ts';
import { MessageStore } from '../store/messageStore.ts';
import { isSchemaCurrent, NODE_DATABASES, refuseDowngrade, type Upgrader } from '../store/upgrade.ts';
import { ConnectionPool } from '../wire/connectionPool.ts';
import { type LineSeal, lineSeal } from '../wire/lineSeal.ts';
import { type NodeCallName, nodeProtocol } from '../wire/nodeProtocol.ts';
import { Refusal } from '../wire/protocol.ts';
import type { RpcServer } from '../wire/rpcServer.ts';
import type { CoreappOptions } from './coreappOptions.ts';
import { Gateway } from './gateway.ts';
import { Housekeeping } from './housekeeping.ts';
import { Membership } from './membership.ts';
import { Inbox } from './messages/inbox.ts';
import { fetchMedia, type MediaSources } from './messages/linkDownload.ts';
import { Outbox } from './messages/outbox.ts';
import { NodeMetrics } from './nodeMetrics.ts';
import { WebhookDispatcher } from './webhooks/dispatcher.ts';
import { MemoryCallbacks } from './webhooks/memoryCallbacks.ts';
import { WebhookConfiguration } from './webhooks/webhookConfiguration.ts';

const TICK_MS = 1_000;
const UPGRADING = 'Upgrading';
/** Not found in any source: the wording of an expired build's refusal. */
export const EXPIRED = 'This client version has expired. Please upgrade';
type Settings = Awaited<ReturnType<ConfigStore['settings']>>;

/** A node of the coreapp image: a Coreapp, a Master, or in single-instance mode both at once. */
export class CoreappNode {
  readonly options: CoreappOptions;
  readonly id: string;
  readonly cluster: ClusterStore;
  readonly config: ConfigStore;
  readonly pool: ConnectionPool<typeof nodeProtocol>;
  readonly outbox: Outbox;
  readonly gateway: Gateway;
  readonly messages: MessageStore;
  readonly metrics = new NodeMetrics();
  readonly housekeeping: Housekeeping;
  readonly seal: LineSeal | undefined;
  readonly #media: MediaStore;
  readonly #inbox: Inbox;
  readonly #memory: MemoryCallbacks;
  readonly #callbacks: CallbackStore;
  readonly #dispatcher: WebhookDispatcher;
  readonly #webhooks: WebhookConfiguration;
  readonly #membership: Membership;
  /** Epoch ms: from then on this build sends nothing. */
  readonly expiresAt: number;
  readonly #stop = new AbortController();
  #servers: readonly RpcServer[] = [];
  #loop: Promise<void> = Promise.resolve();
  #schemaReady = false;
  #account: Account | undefined;
  #settings: Settings | undefined;

  constructor(options: CoreappOptions) {
    this.options = options;
    const { databases, clock, logger } = options;
    this.id = `${options.hostname}:${options.container}`;
    this.expiresAt = (options.buildDateMs ?? clock.now()) + BUILD_LIFETIME_DAYS * 86_400_000;
    this.cluster = new ClusterStore(databases);
    const { configFolder } = options;
    this.config =
      configFolder === undefined ? new DatabaseConfigStore(databases) : new FileConfigStore(configFolder);
    this.seal = lineSeal(options.secret ?? '', clock);
    this.pool = new ConnectionPool(nodeProtocol, clock, this.seal);
    this.messages = new MessageStore(databases);
    this.#membership = new Membership({
      ...options,
      id: this.id,
      cluster: this.cluster,
      messages: this.messages,
      pool: this.pool,
      tickMs: TICK_MS,
    });
    this.#media = new MediaStore(options.mediaFolder);
    this.#memory = new MemoryCallbacks(clock);
    this.#callbacks = new CallbackStore(databases);
    this.#dispatcher = new WebhookDispatcher({
      store: this.#callbacks,
      memory: this.#memory,
      metrics: this.metrics,
      clock,
      logger,
      onDelivered: (payload) => this.gateway.recorded(payload, this.#stop.signal),
    });
    this.#webhooks = new WebhookConfiguration(this.config, this.#dispatcher);
    this.housekeeping = new Housekeeping({
      node: options.multiconnect ? this.id : undefined,
      store: this.messages,
      media: this.#media,
      settings: () => this.#settings,
      shard: () => this.ownedShard ?? 0,
      isPrimary: () => this.isPrimary,
      onCallback: () => this.#dispatcher.wake(),
      clock,
      logger,
    });
    this.#inbox = new Inbox({
      store: this.messages,
      media: this.#media,
      metrics: this.metrics,
      clock,
      logger,
      settings: () => this.#settings,
      download: (sha256) => this.gateway.download(sha256, this.#stop.signal),
      memory: () => (this.#webhooks.isPersistent ? undefined : this.#memory),
      onCallback: () => this.#dispatcher.wake(),
    });
    this.gateway = new Gateway({
      networkUrl: options.networkUrl,
      clock,
      logger,
      onEvents: async (events) => {
        if (this.ownedShard === undefined) throw new Refusal(1018, 'no shard');
        await this.#inbox.take(events, this.ownedShard);
      },
      onConnected: () => this.outbox.reload(),
      onReplaced: () => this.#dispatcher.release(),
    });
    this.outbox = new Outbox({
      store: this.messages,
      gateway: this.gateway,
      clock,
      logger,
      signal: this.#stop.signal,
      metrics: this.metrics,
      queueLimits: options.queueLimits,
      upload: ({ id, sha256 }) => this.gateway.offerMedia(sha256, this.#media.read(id), this.#stop.signal),
      media: (body) => fetchMedia(body, this.#mediaSources(), this.#stop.signal),
      onMediaFailed: (message, reason) => this.#inbox.mediaFailed(message, reason),
      onSent: (message, billing) => this.#inbox.sent(message, billing),
    });
    this.metrics.gauge(
      'pending_messages',
      'Outgoing messages that the server has not accepted',
      () => this.outbox.length,
    );
    this.metrics.gauge(
      'callback_queue_size',
      'Current callback queue size',
      () => this.#memory.size + this.#dispatcher.inFlight,
    );
  }

  /** Works from now on, and closes the servers of its ports when it ends. */
  run(servers: readonly RpcServer[]): void {
    this.#servers = servers;
    this.#loop = this.#run();
  }

  /** Hands over what it owns: others need not wait until it counts as unhealthy. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('stopping'));
    await this.#loop;
    await this.housekeeping.idle();
    await this.#dispatcher.stop();
    this.gateway.close();
    await Promise.all([this.messages.idle(), this.#callbacks.idle()]);
    await this.#membership.leave();
    this.pool.close();
    await Promise.all(this.#servers.map((server) => server.close()));
  }

  get account(): Account | undefined {
    return this.#account;
  }

  /** Whether calls that only the primary Master may serve are for this node. */
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
    return this.gateway.status;
  }

  get isExpired(): boolean {
    return this.options.clock.now() >= this.expiresAt;
  }

  /** As this node read them last. */
  get settings(): Settings | undefined {
    return this.#settings;
  }

  get ownedShard(): number | undefined {
    return this.#membership.ownShard;
  }

  get isReady(): boolean {
    return this.#schemaReady;
  }

  /** Settings and account as they are now, without waiting for the next tick. */
  async refresh(): Promise<void> {
    [this.#settings, this.#account] = await Promise.all([this.config.settings(), this.config.account()]);
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.options;
    const { signal } = this.#stop;
    let lastProblem = '';
    let waits = 0;
    while (!signal.aborted) {
      try {
        await this.#tick(signal);
        lastProblem = '';
        waits = 0;
      } catch (error) {
        waits = error instanceof CodedError && error.code === UPGRADING ? waits + 1 : 0;
        const problem = error instanceof Error ? error.message : String(error);
        // The database being away is one event, not one a second.
        if (!signal.aborted && problem !== lastProblem) logger.warn('node cannot work', { error });
        lastProblem = problem;
      }
      // As the real one waits for an upgrade: 1, 2, 4, 8, 16 s. Source: docs/onprem/deployment.md §5.1.
      const waitMs = TICK_MS * 2 ** Math.min(4, Math.max(0, waits - 1));
      await sleep(clock, waitMs, signal).catch(() => {});
    }
  }

  async #tick(signal: AbortSignal): Promise<void> {
    if (!this.#schemaReady && !(await this.#prepare())) return;
    await this.refresh();
    this.#setLogLevel();
    this.housekeeping.attend();
    const { heartbeat_interval: heartbeatSeconds = 5, unhealthy_interval: unhealthySeconds = 30 } =
      this.#settings ?? {};
    this.#schemaReady = await this.#membership.attend({ heartbeatSeconds, unhealthySeconds }, signal);
    if (this.#settings) await this.#webhooks.begin(this.#settings);
    const { account } = this;
    const { session, shards } = this.#membership;
    const target =
      account?.registrationKey && session && !this.isExpired ? { account, shards, ...session } : undefined;
    await this.gateway.ensure(target, signal);
    if (this.options.master) return;
    this.outbox.serve(this.ownedShard);
    this.outbox.pump();
    await this.outbox.attend();
    if (this.#settings) this.#webhooks.apply(this.#settings, this.ownedShard);
  }

  /** Waits for the schema; Masters and single instances bring it up to date themselves. */
  async #prepare(): Promise<boolean> {
    const { databases, master, multiconnect, version } = this.options;
    const client: Upgrader = { version, node: this.id };
    if (master || !multiconnect) await this.options.upgradeSchema(client);
    else {
      const upgrade = await refuseDowngrade(databases, NODE_DATABASES, client);
      if (upgrade?.isUnderWay)
        throw new CodedError(UPGRADING, `the cluster is in UPGRADE state, which ${upgrade.node} holds`);
    }
    if (!(await isSchemaCurrent(databases, NODE_DATABASES))) return false;
    await this.#membership.join();
    this.#schemaReady = true;
    this.options.logger.info('node ready', { node: this.id });
    return true;
  }

  /** Allowed values were found in no source; a level that is unknown changes nothing. */
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

  #mediaSources(): MediaSources {
    return {
      store: this.#media,
      providers: async () => ((await this.config.document('providers')) as MediaProvider[] | undefined) ?? [],
    };
  }
}
