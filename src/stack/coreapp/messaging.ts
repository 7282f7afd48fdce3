import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import type { MovableClock } from '../../base/movableClock.ts';
import type { MediaProvider } from '../../onprem/profile.ts';
import type { ApplicationSettings } from '../../onprem/settings.ts';
import type { CallbackStore } from '../store/callbackStore.ts';
import type { ConfigStore } from '../store/configStore.ts';
import { MediaStore } from '../store/mediaStore.ts';
import type { MessageStore } from '../store/messageStore.ts';
import type { Stores } from '../store/stores.ts';
import { Refusal } from '../wire/protocol.ts';
import type { CoreappOptions } from './coreappOptions.ts';
import { Gateway, type SessionTarget } from './gateway.ts';
import { EventIntake } from './messages/eventIntake.ts';
import { fetchMedia } from './messages/fetchMedia.ts';
import { NOT_NOW, Outbox } from './messages/outbox.ts';
import type { NodeMetrics } from './nodeMetrics.ts';
import { WebhookDispatcher } from './webhooks/dispatcher.ts';
import { MemoryCallbacks } from './webhooks/memoryCallbacks.ts';
import { WebhookConfiguration } from './webhooks/webhookConfiguration.ts';
import { WebhookPoster } from './webhooks/webhookPoster.ts';

export interface MessagingOptions
  extends Pick<
    CoreappOptions,
    'mediaFolder' | 'mediaHosts' | 'networkUrl' | 'queueLimits' | 'version' | 'wire'
  > {
  readonly stores: Stores;
  readonly config: ConfigStore;
  /** Reads settings now. */
  readonly refresh: () => Promise<void>;
  readonly metrics: NodeMetrics;
  readonly settings: () => ApplicationSettings | undefined;
  /** The shard that this node serves now. */
  readonly shard: () => number | undefined;
  readonly clock: Clock;
  readonly time: MovableClock;
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
    const { config, stores, time } = options;
    this.store = stores.messages;
    this.media = new MediaStore(options.mediaFolder);
    this.#memory = new MemoryCallbacks(time);
    this.#callbacks = stores.callbacks;
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

  /** Fetches media that a person sent. Its callback tells how that ended. @throws Refusal 1018 without a session */
  fetchReceived(id: string): void {
    const shard = this.#options.shard();
    if (shard === undefined || this.gateway.status !== 'connected') throw new Refusal(1018, 'not connected');
    this.#intake
      .fetch(id, shard)
      .catch((error: unknown) => this.#options.logger.warn('result of a download not stored', { error }));
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
    const { metrics, clock, time, logger, signal } = this.#options;
    return new WebhookDispatcher({
      store: this.#callbacks,
      memory: this.#memory,
      poster: new WebhookPoster(clock),
      metrics,
      clock: time,
      logger,
      onDelivered: (body) => this.gateway.recorded(body, signal),
      onAttempt: (report) => this.gateway.report(report),
    });
  }

  #newIntake(): EventIntake {
    const { metrics, settings, time, version, logger, signal } = this.#options;
    return new EventIntake({
      store: this.store,
      media: this.media,
      metrics,
      now: () => time.now(),
      version,
      logger,
      settings,
      download: (sha256) => this.gateway.download(sha256, signal),
      memory: () => (this.#webhooks.isPersistent ? undefined : this.#memory),
      onCallback: () => this.wakeWebhooks(),
      onWaiting: ({ eventKey: key, payload }) =>
        this.gateway.report(() => ({ key, payload: JSON.stringify(payload), state: 'waiting' })),
    });
  }

  #newGateway(): Gateway {
    const { networkUrl, wire, shard, clock, time, logger, signal } = this.#options;
    return new Gateway({
      networkUrl,
      wire,
      clock,
      time,
      logger,
      signal,
      onEvents: async (events) => {
        const owned = shard();
        if (owned === undefined) throw new Refusal(1018, 'no shard');
        await this.#intake.take(events, owned);
      },
      onConnected: () => this.outbox.reload(),
      onReplaced: () => this.#dispatcher.release(),
      onReset: () => this.#forget(),
      onDeliver: async ({ key, payload }) => {
        await this.#intake.deliver({ shard: shard() ?? 0, eventKey: key, payload: JSON.parse(payload) });
      },
    });
  }

  /** Forgets the messages and callbacks that wait. */
  async #forget(): Promise<void> {
    const shard = this.#options.shard();
    if (shard === undefined) return;
    this.outbox.serve(undefined);
    await Promise.all([this.store.idle(), this.#callbacks.idle()]);
    await this.store.clear(shard);
    this.#memory.clear();
    this.#dispatcher.forget();
    await this.#options.refresh();
    await this.serve();
  }

  #newOutbox(): Outbox {
    const { metrics, queueLimits, config, mediaHosts: hosts, clock, logger, signal } = this.#options;
    const providers = async () => {
      const known = await config.document('providers').catch((cause: unknown) => {
        throw new CodedError(NOT_NOW, 'the media providers could not be read', { cause });
      });
      return (known as MediaProvider[] | undefined) ?? [];
    };
    return new Outbox({
      store: this.store,
      gateway: this.gateway,
      clock,
      logger,
      signal,
      metrics,
      queueLimits,
      upload: ({ id, sha256 }) => this.gateway.offerMedia(sha256, this.media.read(id), signal),
      media: (body) => fetchMedia(body, { store: this.media, providers, hosts, clock }, signal),
      onMediaFailed: (message, reason) => this.#intake.mediaFailed(message, reason),
      onSent: (message, answer) => this.#intake.sent(message, answer),
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
