import { randomBytes } from 'node:crypto';
import type { GatewayStatus, NodeRole } from '../../onprem/health.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { Outbox } from '../messages/outbox.ts';
import { ClusterStore } from '../store/clusterStore.ts';
import { type Account, ConfigStore } from '../store/configStore.ts';
import type { Databases } from '../store/databases.ts';
import { MessageStore, type NewCallback, type StoredMessage } from '../store/messageStore.ts';
import { isSchemaCurrent, NODE_DATABASES } from '../store/upgrade.ts';
import { WebhookDispatcher } from '../webhooks/dispatcher.ts';
import { inboundCallback, statusCallback } from '../webhooks/payloads.ts';
import { ConnectionPool } from '../wire/connectionPool.ts';
import type { NetworkEvent } from '../wire/networkProtocol.ts';
import { nodeProtocol } from '../wire/nodeProtocol.ts';
import { Refusal } from '../wire/protocol.ts';
import { type RpcServer, serveRpc } from '../wire/rpcServer.ts';
import { Gateway } from './gateway.ts';
import { CLUSTER_BEHAVIOUR, masterRound } from './masterDuties.ts';
import { nodeHandlers } from './nodeHandlers.ts';

export interface CoreappOptions {
  readonly databases: Databases;
  readonly upgradeSchema: () => Promise<void>;
  readonly networkUrl: string;
  readonly multiconnect: boolean;
  readonly master: boolean;
  /** Address that others dial. */
  readonly hostname: string;
  readonly container: string;
  readonly externalPorts: readonly number[];
  readonly listen: { readonly host: string; readonly ports: readonly number[] };
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const TICK_MS = 1_000;
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
  readonly #messages: MessageStore;
  readonly #dispatcher: WebhookDispatcher;
  /** Another life of the same node is another holder: a lease that it left has to expire. */
  readonly #holder: string;
  readonly #startedAt: number;
  readonly #stop = new AbortController();
  #servers: RpcServer[] = [];
  #loop: Promise<void> = Promise.resolve();
  #schemaReady = false;
  #registered = false;
  #account: Account | undefined;
  #settings: Settings | undefined;
  #restartOnly: { ca: string | undefined; maxConcurrentRequests: number } | undefined;
  #ownShard: { shard: number; epoch: number } | undefined;
  #primary = false;
  #nextRoundAt = 0;

  private constructor(options: CoreappOptions) {
    this.options = options;
    const { databases, clock, logger } = options;
    this.id = `${options.hostname}:${options.container}`;
    this.#holder = `${this.id}#${randomBytes(6).toString('hex')}`;
    this.#startedAt = clock.monotonic();
    this.cluster = new ClusterStore(databases.cluster);
    this.config = new ConfigStore(databases.config);
    this.pool = new ConnectionPool(nodeProtocol, clock);
    this.#messages = new MessageStore(databases.message);
    this.#dispatcher = new WebhookDispatcher({ store: this.#messages, clock, logger });
    this.gateway = new Gateway({
      networkUrl: options.networkUrl,
      clock,
      logger,
      onEvents: (events) => this.#store(events),
      onConnected: () => this.outbox.reload(),
    });
    this.outbox = new Outbox({
      store: this.#messages,
      gateway: this.gateway,
      logger,
      onSent: (message) => this.#sent(message),
    });
  }

  static async start(options: CoreappOptions): Promise<CoreappNode> {
    const node = new CoreappNode(options);
    const handlers = nodeHandlers(node);
    node.#servers = await Promise.all(
      options.listen.ports.map((port) =>
        serveRpc(nodeProtocol, handlers, { host: options.listen.host, port, logger: options.logger }),
      ),
    );
    node.#loop = node.#run();
    return node;
  }

  /** Hands over what it owns: others need not wait until it counts as unhealthy. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('stopping'));
    await this.#loop;
    this.#dispatcher.stop();
    this.gateway.close();
    await this.#messages.idle();
    if (this.#registered && this.options.multiconnect) {
      await this.cluster.releaseLease(this.#holder).catch(() => {});
      await this.cluster.unregister(this.id).catch(() => {});
    }
    this.pool.close();
    await Promise.all(this.#servers.map((server) => server.close()));
  }

  get account(): Account | undefined {
    return this.#account;
  }

  /** Whether calls that only the primary Master may serve are for this node. */
  get isPrimary(): boolean {
    return !this.options.multiconnect || this.#primary;
  }

  get role(): NodeRole | undefined {
    if (!this.options.multiconnect) return undefined;
    if (!this.options.master) return 'coreapp';
    return this.#primary ? 'primary_master' : 'secondary_master';
  }

  get gatewayStatus(): GatewayStatus {
    if (!this.#schemaReady) return 'uninitialized';
    if (!this.#account?.registrationKey) return 'unregistered';
    return this.gateway.status;
  }

  get ownedShard(): number | undefined {
    return this.#ownShard?.shard;
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
    while (!signal.aborted) {
      try {
        await this.#tick(signal);
        lastProblem = '';
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        // The database being away is one event, not one a second.
        if (!signal.aborted && problem !== lastProblem) logger.warn('node cannot work', { error });
        lastProblem = problem;
      }
      await sleep(clock, TICK_MS, signal).catch(() => {});
    }
  }

  async #tick(signal: AbortSignal): Promise<void> {
    if (!this.#schemaReady && !(await this.#prepare())) return;
    await this.refresh();
    if (this.options.multiconnect) await this.#clusterDuties(signal);
    else await this.#claimShard();
    if (this.options.master) return;

    const { account } = this;
    const own = this.#ownShard;
    const target =
      account?.registrationKey && own
        ? { account, shard: own.shard, shards: 1, epoch: own.epoch }
        : undefined;
    await this.gateway.ensure(target, signal);
    this.outbox.serve(own?.shard);
    this.outbox.pump();
    await this.#configureWebhooks(own?.shard);
  }

  /** Waits for the schema; Masters and single instances bring it up to date themselves. */
  async #prepare(): Promise<boolean> {
    if (this.options.master || !this.options.multiconnect) await this.options.upgradeSchema();
    if (!(await isSchemaCurrent(this.options.databases, NODE_DATABASES))) return false;
    const { hostname, container, externalPorts, master, version } = this.options;
    if (this.options.multiconnect) await this.cluster.disown(this.id);
    await this.cluster.register({ id: this.id, hostname, container, ports: externalPorts, master, version });
    this.#registered = true;
    this.#schemaReady = true;
    this.options.logger.info('node ready', { node: this.id });
    return true;
  }

  async #clusterDuties(signal: AbortSignal): Promise<void> {
    const { master, clock, logger } = this.options;
    if (master) {
      const primary =
        (this.#primary || (await this.#mayCompete())) &&
        (await this.cluster.tryLease(this.#holder, CLUSTER_BEHAVIOUR.leaseSeconds));
      if (primary !== this.#primary) logger.info(primary ? 'became primary Master' : 'lost the Master lease');
      this.#primary = primary;
      const { heartbeat_interval: heartbeatSeconds = 5, unhealthy_interval: unhealthySeconds = 30 } =
        this.#settings ?? {};
      if (primary && clock.monotonic() >= this.#nextRoundAt) {
        this.#nextRoundAt = clock.monotonic() + heartbeatSeconds * 1000 - TICK_MS / 2;
        await masterRound(
          { self: this.id, cluster: this.cluster, pool: this.pool, clock, logger },
          { heartbeatSeconds, unhealthySeconds },
          signal,
        );
      }
      return;
    }
    const shards = await this.cluster.shardMap();
    const own = shards.find(({ owner }) => owner === this.id);
    this.#ownShard = own && { shard: own.shard, epoch: own.epoch };
    // Forgotten while it was away: it comes back as a secondary.
    const known = await this.cluster.nodes();
    if (!known.some(({ id }) => id === this.id)) this.#schemaReady = false;
  }

  /** A Master that has just started leaves a lease that is there to those who are warm. */
  async #mayCompete(): Promise<boolean> {
    const youngMs = CLUSTER_BEHAVIOUR.leaseSeconds * 1500;
    return this.options.clock.monotonic() - this.#startedAt > youngMs || !(await this.cluster.hasLease());
  }

  /** The only Coreapp serves the only shard. It takes it with a higher epoch, which ends any older session. */
  async #claimShard(): Promise<void> {
    if (this.#ownShard) return;
    const [shard] = await this.cluster.shardMap();
    if (shard && (await this.cluster.assign(shard, this.id)))
      this.#ownShard = { shard: shard.shard, epoch: shard.epoch + 1 };
  }

  async #configureWebhooks(shard: number | undefined): Promise<void> {
    if (!this.#settings) return;
    const { webhooks, callback_backoff_delay_ms, max_callback_backoff_delay_ms } = this.#settings;
    // Only a restart makes these take effect, as with the real product.
    this.#restartOnly ??= {
      ca: await this.config.webhookCa(),
      maxConcurrentRequests: webhooks.max_concurrent_requests,
    };
    this.#dispatcher.configure(
      {
        url: webhooks.url,
        backoffMs: callback_backoff_delay_ms,
        maxBackoffMs: max_callback_backoff_delay_ms,
        ...this.#restartOnly,
      },
      shard,
    );
  }

  /** @throws Refusal 1018 when another node owns the shard, 1011 before registration */
  assertOwner(shard: number): string {
    if (this.#ownShard?.shard !== shard) throw new Refusal(1018, `shard ${shard} is not served by this node`);
    if (!this.#account?.registrationKey) throw new Refusal(1011, 'the number is not registered');
    return this.#account.cc + this.#account.phoneNumber;
  }

  async #sent(message: StoredMessage): Promise<void> {
    const { webhooks, sent_status } = this.#settings ?? {};
    const wanted = webhooks?.message.sent || sent_status;
    const timestamp = String(Math.floor(this.options.clock.now() / 1000));
    const callback = wanted
      ? statusCallback(
          { messageId: message.id, recipient: message.recipient, status: 'sent', timestamp },
          message.shard,
        )
      : undefined;
    await this.#messages.update({ messageId: message.id, state: 'sent', callback });
    if (callback) this.#dispatcher.wake();
  }

  async #store(events: readonly NetworkEvent[]): Promise<void> {
    const shard = this.#ownShard?.shard;
    if (shard === undefined) throw new Refusal(1018, 'no shard');
    await Promise.all(events.map(({ body }) => this.#storeEvent(body, shard)));
    this.#dispatcher.wake();
  }

  async #storeEvent(body: NetworkEvent['body'], shard: number): Promise<void> {
    if (body.kind === 'inbound')
      return this.#messages.update({ callback: inboundCallback(body.message, body.profileName, shard) });
    const wanted = this.#settings?.webhooks.message as Record<string, boolean> | undefined;
    const callback: NewCallback | undefined =
      wanted?.[body.status] === false ? undefined : statusCallback(body, shard);
    const state =
      body.status === 'delivered' || body.status === 'read' || body.status === 'failed'
        ? body.status
        : undefined;
    return this.#messages.update({ messageId: body.messageId, ...(state ? { state } : {}), callback });
  }
}
