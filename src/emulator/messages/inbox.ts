import { asynchronousErrors } from '../../onprem/errorCatalogue.ts';
import { LARGEST_UPLOAD_BYTES } from '../../onprem/media.ts';
import type { ApplicationSettings } from '../../onprem/settings.ts';
import type { InboundMessage } from '../../onprem/webhook.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { NodeMetrics } from '../cluster/nodeMetrics.ts';
import type { MediaStore } from '../media/mediaStore.ts';
import type { MessageStore, MessageUpdate, NewCallback, StoredMessage } from '../store/messageStore.ts';
import { errorCallback, inboundCallback, statusCallback } from '../webhooks/payloads.ts';
import type { NetworkEvent } from '../wire/networkProtocol.ts';

export interface InboxOptions {
  readonly store: MessageStore;
  readonly media: MediaStore;
  readonly metrics: NodeMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: () => ApplicationSettings | undefined;
  /** Bytes that a person sent. */
  readonly download: (sha256: string) => AsyncIterable<Uint8Array>;
  /** Callbacks were stored. */
  readonly onCallback: () => void;
}

type MessageEvent = Extract<NetworkEvent['body'], { kind: 'inbound' }>;
type StatusEvent = Extract<NetworkEvent['body'], { kind: 'status' }>;

/** What comes from the servers, and what becomes of sent messages: stored together with the callback that tells of it. */
export class Inbox {
  readonly #options: InboxOptions;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** Resolves when everything is committed. */
  async take(events: readonly NetworkEvent[], shard: number): Promise<void> {
    await Promise.all(
      events.map(({ body }) =>
        body.kind === 'inbound' ? this.#inbound(body, shard) : this.#status(body, shard),
      ),
    );
    this.#options.onCallback();
  }

  /** The message is with the servers. */
  async sent(message: StoredMessage): Promise<void> {
    await this.#told(message, 'sent');
  }

  /** It can't be sent, and never will be. */
  async mediaFailed(message: StoredMessage, details: string): Promise<void> {
    this.#options.metrics.count('media_downloads', 'Media downloads', {
      result: 'failed',
      type: message.type,
    });
    await this.#told(message, 'failed', [{ code: 400, title: asynchronousErrors[400], details }]);
  }

  async #told(
    message: StoredMessage,
    status: 'sent' | 'failed',
    errors?: StatusEvent['errors'],
  ): Promise<void> {
    const { id: messageId, recipient, shard } = message;
    const timestamp = this.#timestamp();
    await this.#status({ kind: 'status', messageId, recipient, status, timestamp, errors }, shard);
    this.#options.onCallback();
  }

  async #status(event: StatusEvent, shard: number): Promise<void> {
    const { store, metrics } = this.#options;
    const { status, messageId } = event;
    metrics.count('out_message_status', 'Receipts by status', { status });
    const callback = this.#wants(status) ? statusCallback(event, shard) : undefined;
    const state = isState(status) ? { state: status } : {};
    await store.update({ messageId, ...state, callback });
  }

  /** Receipts are switched one by one; failures always come. */
  #wants(status: StatusEvent['status']): boolean {
    const { webhooks, sent_status } = this.#options.settings() ?? {};
    if (status === 'sent') return webhooks?.message.sent === true || sent_status === true;
    const wanted: Readonly<Record<string, boolean>> = webhooks?.message ?? {};
    return wanted[status] !== false;
  }

  async #inbound(event: MessageEvent, shard: number): Promise<void> {
    const { store, metrics } = this.#options;
    const { callbacks, message } = await this.#withMedia(event, shard);
    metrics.count('in_message_persisted', 'Incoming messages stored', { type: message.type });
    await store.update({ callback: inboundCallback(message, event.profileName, shard) });
    for (const callback of callbacks) await store.update({ callback });
  }

  /** Media comes along where its kind is downloaded automatically; otherwise it is only told of. */
  async #withMedia(
    { message, media }: MessageEvent,
    shard: number,
  ): Promise<{ message: InboundMessage; callbacks: NewCallback[] }> {
    if (!media) return { message, callbacks: [] };
    const { settings, media: files, download, metrics, logger } = this.#options;
    const { type } = message;
    const content = { ...(message[type] as object), mime_type: media.type, sha256: media.sha256 };
    const told = (more: object) => ({ ...message, [type]: { ...content, ...more } });
    if (!settings()?.media.auto_download.includes(type))
      return { message: told({ status: 'undownloaded' }), callbacks: [] };
    try {
      const file = await files.write(download(media.sha256), media.type, LARGEST_UPLOAD_BYTES);
      metrics.count('media_downloads', 'Media downloads', { result: 'ok', type });
      return { message: told({ id: file.id, file: files.path(file.id) }), callbacks: [] };
    } catch (error) {
      logger.warn('media not downloaded', { error });
      metrics.count('media_downloads', 'Media downloads', { result: 'failed', type });
      const problem = { code: 400, title: asynchronousErrors[400], details: 'Media could not be downloaded' };
      return {
        message: told({ status: 'undownloaded' }),
        callbacks: [errorCallback(problem, `media/${message.id}`, shard)],
      };
    }
  }

  #timestamp = (): string => String(Math.floor(this.#options.clock.now() / 1000));
}

const isState = (status: string): status is NonNullable<MessageUpdate['state']> =>
  status === 'sent' || status === 'delivered' || status === 'read' || status === 'failed';
