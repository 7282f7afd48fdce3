import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { MediaProvider } from '../../onprem/profile.ts';
import type { ApplicationSettings } from '../../onprem/settings.ts';
import { CallbackStore } from '../store/callbackStore.ts';
import type { ConfigStore } from '../store/configStore.ts';
import { MediaStore } from '../store/mediaStore.ts';
import { MessageStore } from '../store/messageStore.ts';
import { Refusal } from '../wire/protocol.ts';
import type { CoreappOptions } from './coreappOptions.ts';
import { Gateway, type SessionTarget } from './gateway.ts';
import { EventIntake } from './messages/eventIntake.ts';
import { fetchMedia } from './messages/fetchMedia.ts';
import { Outbox } from './messages/outbox.ts';
import type { NodeMetrics } from './nodeMetrics.ts';
import { WebhookDispatcher } from './webhooks/dispatcher.ts';
import { MemoryCallbacks } from './webhooks/memoryCallbacks.ts';
import { WebhookConfiguration } from './webhooks/webhookConfiguration.ts';

export interface MessagingOptions
  extends Pick<CoreappOptions, 'databases' | 'mediaFolder' | 'networkUrl' | 'queueLimits'> {
  readonly config: ConfigStore;
  readonly metrics: NodeMetrics;
  readonly settings: () => ApplicationSettings | undefined;
  /** The shard that this node serves now. */
  readonly shard: () => number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends with the node. */
  readonly signal: AbortSignal;
}

/**
 * Messages of a node: the outbox sends accepted messages through the gateway to the servers of WhatsApp,
 * the intake stores the servers' events in the database, and the dispatcher posts the callbacks of both.
 */
export class Messaging {
  readonly store: MessageStore;
  readonly media: MediaStore;
  readonly gateway: Gateway;
  readonly outbox: Outbox;
  readonly #options: MessagingOptions;
  readonly #memory: MemoryCallbacks;
  readonly #callbacks: CallbackStore;
  readonly #dispatcher: WebhookDispatcher;
  readonly #webhooks: WebhookConfiguration;
  readonly #intake: EventIntake;

  constructor(options: MessagingOptions) {
    this.#options = options;
    const { databases, config, clock } = options;
    this.store = new MessageStore(databases);
    this.media = new MediaStore(options.mediaFolder);
    this.#memory = new MemoryCallbacks(clock);
    this.#callbacks = new CallbackStore(databases);
    this.#dispatcher = this.#newDispatcher();
    this.#webhooks = new WebhookConfiguration(config, this.#dispatcher);
    this.#intake = this.#newIntake();
    this.gateway = this.#newGateway();
    this.outbox = this.#newOutbox();
    this.#measure();
  }

  /** Opens or ends the session with the servers of WhatsApp, as `target` says. */
  async connect(target: SessionTarget | undefined): Promise<void> {
    // A new session delivers events at once, so the settings that their callbacks need are read first.
    const settings = this.#options.settings();
    if (settings) await this.#webhooks.begin(settings);
    await this.gateway.ensure(target, this.#options.signal);
  }

  /** Serves the shard that the node owns now: sends its messages and delivers its callbacks. */
  async serve(): Promise<void> {
    const shard = this.#options.shard();
    this.outbox.serve(shard);
    this.outbox.pump();
    await this.outbox.attend();
    const settings = this.#options.settings();
    if (settings) this.#webhooks.apply(settings, shard);
  }

  /** New callbacks are in the database. */
  wakeWebhooks(): void {
    this.#dispatcher.wake();
  }

  async close(): Promise<void> {
    await this.#dispatcher.stop();
    this.gateway.close();
    await Promise.all([this.store.idle(), this.#callbacks.idle()]);
  }

  #newDispatcher(): WebhookDispatcher {
    const { metrics, clock, logger, signal } = this.#options;
    return new WebhookDispatcher({
      store: this.#callbacks,
      memory: this.#memory,
      metrics,
      clock,
      logger,
      onDelivered: (payload) => this.gateway.recorded(payload, signal),
    });
  }

  #newIntake(): EventIntake {
    const { metrics, settings, clock, logger, signal } = this.#options;
    return new EventIntake({
      store: this.store,
      media: this.media,
      metrics,
      clock,
      logger,
      settings,
      download: (sha256) => this.gateway.download(sha256, signal),
      memory: () => (this.#webhooks.isPersistent ? undefined : this.#memory),
      onCallback: () => this.wakeWebhooks(),
    });
  }

  #newGateway(): Gateway {
    const { networkUrl, shard, clock, logger } = this.#options;
    return new Gateway({
      networkUrl,
      clock,
      logger,
      onEvents: async (events) => {
        const owned = shard();
        if (owned === undefined) throw new Refusal(1018, 'no shard');
        await this.#intake.take(events, owned);
      },
      onConnected: () => this.outbox.reload(),
      onReplaced: () => this.#dispatcher.release(),
    });
  }

  #newOutbox(): Outbox {
    const { metrics, queueLimits, config, clock, logger, signal } = this.#options;
    const providers = async () => ((await config.document('providers')) as MediaProvider[] | undefined) ?? [];
    return new Outbox({
      store: this.store,
      gateway: this.gateway,
      clock,
      logger,
      signal,
      metrics,
      queueLimits,
      upload: ({ id, sha256 }) => this.gateway.offerMedia(sha256, this.media.read(id), signal),
      media: (body) => fetchMedia(body, { store: this.media, providers }, signal),
      onMediaFailed: (message, reason) => this.#intake.mediaFailed(message, reason),
      onSent: (message, billing) => this.#intake.sent(message, billing),
    });
  }

  #measure(): void {
    const { metrics } = this.#options;
    metrics.gauge(
      'pending_messages',
      'Outgoing messages that the server has not accepted',
      () => this.outbox.length,
    );
    metrics.gauge(
      'callback_queue_size',
      'Current callback queue size',
      () => this.#memory.size + this.#dispatcher.inFlight,
    );
  }
}
