import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { ApplicationSettings } from '../../onprem/settings.ts';
import type { MediaStore } from '../store/mediaStore.ts';
import type { MessageStore } from '../store/messageStore.ts';
import { collectionCallback } from './webhooks/payloads.ts';

export interface HousekeepingOptions {
  /** Name of the node in its callbacks; none in a single instance. */
  readonly node: string | undefined;
  readonly store: Pick<MessageStore, 'collect' | 'update'>;
  readonly media: Pick<MediaStore, 'collect'>;
  readonly settings: () => ApplicationSettings | undefined;
  /** A node without a shard has no dispatcher, so the callback goes through that of shard 0. */
  readonly shard: () => number;
  /** Only one node collects media. */
  readonly isPrimary: () => boolean;
  readonly onCallback: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Not found in any source: the age of messages that a collection deletes, and how often it runs automatically. */
export const COLLECTION = { messageDays: 30, automaticEveryMs: 3_600_000 } as const;

/** Deletes old messages and media, on request and automatically. */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  #nextMs: number;
  #running: Promise<void> = Promise.resolve();
  /** Read once: the older setting takes effect with a restart. */
  #isSwitchedOff: boolean | undefined;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    this.#nextMs = options.clock.monotonic() + COLLECTION.automaticEveryMs;
  }

  /** Runs in the background; a callback reports the result. */
  collectMessages(): void {
    void this.#told('message', async () => ({ messages_deleted: await this.#deleteMessages() }));
  }

  collectMedia(): void {
    void this.#told('media', async () => ({ items_deleted: await this.#deleteMedia() }));
  }

  /** Runs the automatic collection when it is due, without a callback. */
  attend(): void {
    const { clock, settings, isPrimary, logger } = this.#options;
    const current = settings();
    if (!current) return;
    const { garbagecollector_enable: enabled, db_garbagecollector_enable: older } = current;
    this.#isSwitchedOff ??= older === false;
    if (clock.monotonic() < this.#nextMs) return;
    this.#nextMs = clock.monotonic() + COLLECTION.automaticEveryMs;
    this.#running = this.#running
      .then(async () => {
        const messages = enabled.messages && !this.#isSwitchedOff ? await this.#deleteMessages() : 0;
        const media = enabled.media && isPrimary() ? await this.#deleteMedia() : 0;
        logger.info('old messages and media deleted', { messages, media });
      })
      .catch((error: unknown) => logger.warn('collection failed', { error }));
  }

  /** Resolves when no collection runs. */
  idle(): Promise<void> {
    return this.#running;
  }

  #deleteMessages = (): Promise<number> => this.#options.store.collect(COLLECTION.messageDays);
  #deleteMedia = (): Promise<number> => this.#options.media.collect(this.#options.clock.now());

  async #told(what: 'message' | 'media', run: () => Promise<Record<string, number>>): Promise<void> {
    const { clock, logger, node, store, shard, onCallback } = this.#options;
    const own = node === undefined ? {} : { node };
    const result = await run().then(
      (counts) => ({ ...counts, ...own, status: 'complete' }),
      (error: unknown) => {
        logger.warn('collection failed', { what, error });
        const errors = [{ code: 1014, title: 'Internal error', details: `Could not delete ${what}` }];
        return { ...own, status: 'failed', errors };
      },
    );
    const callback = collectionCallback(what, result, `${what}/${node ?? ''}/${clock.now()}`, shard());
    await store
      .update({ callback })
      .catch((error: unknown) => logger.warn('callback of a collection not stored', { error }));
    onCallback();
  }
}
