import type { ConfigStore } from '../../store/configStore.ts';
import type { WebhookDispatcher } from './dispatcher.ts';

type Settings = Awaited<ReturnType<ConfigStore['settings']>>;

/** Settings of callbacks on their way to the dispatcher. Some take effect with the next start only, as with the real product. */
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

  /** Reads what only a start makes effective, once. It comes before the session, which brings callbacks at once. */
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
