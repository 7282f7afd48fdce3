import type { ConfigStore } from '../../store/configStore.ts';
import type { WebhookDispatcher } from './dispatcher.ts';

type Settings = Awaited<ReturnType<ConfigStore['settings']>>;

/** Passes settings to the dispatcher. As with the real product, some take effect only at the next start. */
export class WebhookConfiguration {
  readonly #config: ConfigStore;
  readonly #dispatcher: WebhookDispatcher;
  #atStart: { ca: string | undefined; maxConcurrentRequests: number; callbackPersist: boolean } | undefined;

  constructor(config: ConfigStore, dispatcher: WebhookDispatcher) {
    this.#config = config;
    this.#dispatcher = dispatcher;
  }

  /** Whether callbacks are kept in the database. */
  get isPersistent(): boolean {
    return this.#atStart?.callbackPersist !== false;
  }

  /** Reads the settings that take effect at start. Called before the session opens, which delivers events at once. */
  async begin(settings: Settings): Promise<void> {
    this.#atStart ??= {
      ca: await this.#config.webhookCa(),
      maxConcurrentRequests: settings.webhooks.max_concurrent_requests,
      callbackPersist: settings.callback_persist,
    };
  }

  apply(settings: Settings, shard: number | undefined): void {
    if (!this.#atStart) return;
    const { webhooks, callback_backoff_delay_ms, max_callback_backoff_delay_ms } = settings;
    this.#dispatcher.configure(
      {
        url: webhooks.url,
        backoffMs: callback_backoff_delay_ms,
        maxBackoffMs: max_callback_backoff_delay_ms,
        ...this.#atStart,
      },
      shard,
    );
  }
}
