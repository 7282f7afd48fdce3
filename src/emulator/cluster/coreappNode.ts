import { BUILD_LIFETIME_DAYS } from '../../onprem/environment.ts';
import type { GatewayStatus, NodeRole } from '../../onprem/health.ts';
import type { MediaProvider } from '../../onprem/profile.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { fetchMedia, type MediaSources } from '../media/linkDownload.ts';
import { MediaStore } from '../media/mediaStore.ts';
import { Inbox } from '../messages/inbox.ts';
import { Outbox } from '../messages/outbox.ts';
import { ClusterStore } from '../store/clusterStore.ts';
import { type Account, ConfigStore } from '../store/configStore.ts';
import type { Databases } from '../store/databases.ts';
import { MessageStore } from '../store/messageStore.ts';
import { isSchemaCurrent, NODE_DATABASES } from '../store/upgrade.ts';
import { WebhookDispatcher } from '../webhooks/dispatcher.ts';
import { MemoryCallbacks } from '../webhooks/memoryCallbacks.ts';
import { collectionCallback } from '../webhooks/payloads.ts';
import { ConnectionPool } from '../wire/connectionPool.ts';
import { nodeProtocol } from '../wire/nodeProtocol.ts';
import { Refusal } from '../wire/protocol.ts';
import { type RpcServer, serveRpc } from '../wire/rpcServer.ts';
import { Gateway } from './gateway.ts';
import { Membership } from './membership.ts';
import { nodeHandlers } from './nodeHandlers.ts';
import { NodeMetrics } from './nodeMetrics.ts';

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
  /** The volume that Webapps and Coreapps share. */
  readonly mediaFolder: string;
  readonly version: string;
  /** When the build was made, epoch ms; without one it counts as made when it is started. */
  readonly buildDateMs?: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

const TICK_MS = 1_000;
/** Not found in any source: the wording of an expired build's refusal. */
export const EXPIRED = 'This client version has expired. Please upgrade';
/** Not found in any source: how old a message is that a collection deletes. */
const COLLECTION = { messageDays: 30 } as const;
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
  readonly #media: MediaStore;
  readonly #inbox: Inbox;
  readonly #memory: MemoryCallbacks;
  readonly #dispatcher: WebhookDispatcher;
  readonly #membership: Membership;
  /** Epoch ms: from then on this build sends nothing. */
  readonly expiresAt: number;
  readonly #stop = new AbortController();
  #servers: RpcServer[] = [];
  #loop: Promise<void> = Promise.resolve();
  #schemaReady = false;
  #account: Account | undefined;
  #settings: Settings | undefined;
  #restartOnly:
    | { ca: string | undefined; maxConcurrentRequests: number; callbackPersist: boolean }
    | undefined;

  private constructor(options: CoreappOptions) {
    this.options = options;
    const { databases, clock, logger } = options;
    this.id = `${options.hostname}:${options.container}`;
    this.expiresAt = (options.buildDateMs ?? clock.now()) + BUILD_LIFETIME_DAYS * 86_400_000;
    this.cluster = new ClusterStore(databases);
    this.config = new ConfigStore(databases);
    this.pool = new ConnectionPool(nodeProtocol, clock);
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
    this.#dispatcher = new WebhookDispatcher({
      store: this.messages,
      memory: this.#memory,
      metrics: this.metrics,
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
      memory: () => (this.#restartOnly?.callbackPersist === false ? this.#memory : undefined),
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
    });
    this.outbox = new Outbox({
      store: this.messages,
      gateway: this.gateway,
      clock,
      logger,
      metrics: this.metrics,
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
    await this.messages.idle();
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
    const { heartbeat_interval: heartbeatSeconds = 5, unhealthy_interval: unhealthySeconds = 30 } =
      this.#settings ?? {};
    this.#schemaReady = await this.#membership.attend({ heartbeatSeconds, unhealthySeconds }, signal);
    const { account } = this;
    const { session, shards } = this.#membership;
    const target =
      account?.registrationKey && session && !this.isExpired ? { account, shards, ...session } : undefined;
    await this.gateway.ensure(target, signal);
    if (this.options.master) return;
    this.outbox.serve(this.ownedShard);
    this.outbox.pump();
    await this.#configureWebhooks(this.ownedShard);
  }

  /** Waits for the schema; Masters and single instances bring it up to date themselves. */
  async #prepare(): Promise<boolean> {
    if (this.options.master || !this.options.multiconnect) await this.options.upgradeSchema();
    if (!(await isSchemaCurrent(this.options.databases, NODE_DATABASES))) return false;
    await this.#membership.join();
    this.#schemaReady = true;
    this.options.logger.info('node ready', { node: this.id });
    return true;
  }

  async #configureWebhooks(shard: number | undefined): Promise<void> {
    if (!this.#settings) return;
    const { webhooks, callback_backoff_delay_ms, max_callback_backoff_delay_ms } = this.#settings;
    // Only a restart makes these take effect, as with the real product.
    this.#restartOnly ??= {
      ca: await this.config.webhookCa(),
      maxConcurrentRequests: webhooks.max_concurrent_requests,
      callbackPersist: this.#settings.callback_persist,
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
    if (this.isExpired) throw new Refusal(1005, EXPIRED);
    if (this.ownedShard !== shard) throw new Refusal(1018, `shard ${shard} is not served by this node`);
    if (!this.#account?.registrationKey) throw new Refusal(1011, 'the number is not registered');
    return this.#account.cc + this.#account.phoneNumber;
  }

  /** Runs behind the caller's back; the webhook hears the result. */
  collectMessages(): void {
    void this.#collect('message', async () => ({
      messages_deleted: await this.messages.collect(COLLECTION.messageDays),
    }));
  }

  collectMedia(): void {
    void this.#collect('media', async () => ({
      items_deleted: await this.#media.collect(this.options.clock.now()),
    }));
  }

  async #collect(what: 'message' | 'media', run: () => Promise<Record<string, number>>): Promise<void> {
    const { clock, logger, multiconnect } = this.options;
    const node = multiconnect ? { node: this.id } : {};
    const result = await run().then(
      (counts) => ({ ...counts, ...node, status: 'complete' }),
      (error: unknown) => {
        logger.warn('collection failed', { what, error });
        const errors = [{ code: 1014, title: 'Internal error', details: `Could not delete ${what}` }];
        return { ...node, status: 'failed', errors };
      },
    );
    const key = `${what}/${this.id}/${clock.now()}`;
    // A node without a shard has no dispatcher of its own; that of the first tells.
    const callback = collectionCallback(what, result, key, this.ownedShard ?? 0);
    await this.messages.update({ callback }).catch((error: unknown) => logger.warn('not told', { error }));
    this.#dispatcher.wake();
  }

  #mediaSources(): MediaSources {
    return {
      store: this.#media,
      providers: async () => ((await this.config.document('providers')) as MediaProvider[] | undefined) ?? [],
    };
  }
}
