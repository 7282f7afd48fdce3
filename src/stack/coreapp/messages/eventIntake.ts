import type { Logger } from '../../../base/logger.ts';
import { traced } from '../../../base/tracing/traced.ts';
import { knows } from '../../../onprem/clientBehaviour.ts';
import { asynchronousErrors } from '../../../onprem/errorCatalogue.ts';
import { reported } from '../../../onprem/inboundType.ts';
import { LARGEST_UPLOAD_BYTES } from '../../../onprem/media.ts';
import type { ApplicationSettings } from '../../../onprem/settings.ts';
import { userIdOf } from '../../../onprem/userId.ts';
import type { InboundMessage } from '../../../onprem/webhook.ts';
import type { NewCallback } from '../../store/callbackStore.ts';
import type { MediaStore, ReceivedMedia } from '../../store/mediaStore.ts';
import type { MessageStore, MessageUpdate, StoredMessage } from '../../store/messageStore.ts';
import { messageAttributes } from '../../wire/messageAttributes.ts';
import type { NetworkEvent } from '../../wire/networkProtocol.ts';
import type { NodeMetrics } from '../nodeMetrics.ts';
import type { MemoryCallbacks } from '../webhooks/memoryCallbacks.ts';
import {
  errorCallback,
  inboundCallback,
  mediaCallback,
  statusCallback,
  systemCallback,
} from '../webhooks/payloads.ts';

export interface EventIntakeOptions {
  readonly store: MessageStore;
  readonly media: MediaStore;
  readonly metrics: NodeMetrics;
  /** The time of the network, epoch ms. */
  readonly now: () => number;
  /** Of the client that the node stands for. */
  readonly version: string;
  readonly logger: Logger;
  readonly settings: () => ApplicationSettings | undefined;
  /** The bytes of media that a person sent. */
  readonly download: (sha256: string) => AsyncIterable<Uint8Array>;
  /** Where callbacks go with `callback_persist: false`; undefined while callbacks are kept in the database. */
  readonly memory: () => MemoryCallbacks | undefined;
  /** Callbacks were stored. */
  readonly onCallback: () => void;
  /** A callback is stored, and waits for its receiver. */
  readonly onWaiting: (callback: NewCallback) => void;
}

type MessageEvent = Extract<NetworkEvent['body'], { kind: 'inbound' }>;
type StatusEvent = Extract<NetworkEvent['body'], { kind: 'status' }>;
type IdentityEvent = Extract<NetworkEvent['body'], { kind: 'identity' }>;
type UserIdEvent = Extract<NetworkEvent['body'], { kind: 'user-id-changed' }>;
type NumberEvent = Extract<NetworkEvent['body'], { kind: 'number-changed' }>;

/** Stores the servers' events (messages, statuses, changes of identity and number), each with its callback. */
export class EventIntake {
  readonly #options: EventIntakeOptions;
  /** By message: its last status that is being stored. */
  readonly #storing = new Map<string, Promise<void>>();

  constructor(options: EventIntakeOptions) {
    this.#options = options;
  }

  /** Resolves when everything is committed. */
  async take(events: readonly NetworkEvent[], shard: number): Promise<void> {
    await Promise.all(events.map(({ body }) => this.#event(body, shard)));
    this.#options.onCallback();
  }

  #event(body: NetworkEvent['body'], shard: number): Promise<void> {
    switch (body.kind) {
      case 'inbound':
        return this.#inbound(body, shard);
      case 'status':
        return this.#status(body, shard);
      case 'identity':
        return this.#identity(body, shard);
      case 'number-changed':
        return this.#numberChanged(body, shard);
      case 'user-id-changed':
        return this.#userIdChanged(body, shard);
    }
  }

  /** The message is with the servers, or `isOnItsWay` to them. */
  async sent(
    message: StoredMessage,
    {
      billing,
      isOnItsWay,
    }: { readonly billing?: StatusEvent['billing']; readonly isOnItsWay?: boolean | undefined },
  ): Promise<void> {
    if (isOnItsWay !== true) return this.#told(message, 'sent', { billing });
    const status = { ...this.#ownStatus(message), status: 'sending' as const };
    const callback = this.#wants('sending') ? statusCallback(status, message.shard) : undefined;
    await this.#update({ messageId: message.id, state: 'sent', callback });
    this.#options.onCallback();
  }

  /** The message can never be sent. */
  async mediaFailed(message: StoredMessage, details: string): Promise<void> {
    this.#options.metrics.count('media_downloads', 'Media downloads', {
      result: 'failed',
      type: message.type,
    });
    await this.#told(message, 'failed', { errors: [{ code: 400, title: asynchronousErrors[400], details }] });
  }

  async #told(
    message: StoredMessage,
    status: 'sent' | 'failed',
    more: Pick<StatusEvent, 'errors' | 'billing'>,
  ): Promise<void> {
    await this.#status({ kind: 'status', ...this.#ownStatus(message), status, ...more }, message.shard, true);
    this.#options.onCallback();
  }

  /** What a status that this node found out says of its message. */
  #ownStatus({ id: messageId, recipient, body, traceparent }: StoredMessage) {
    const userId = userIdOf(body);
    return {
      messageId,
      recipient,
      timestamp: this.#timestamp(),
      traceparent,
      ...(userId === undefined ? {} : { userId, isRecipientHidden: true }),
    };
  }

  /** Stores a callback that is no event of the network. */
  async deliver(callback: NewCallback): Promise<void> {
    await this.#update({ callback });
    this.#options.onCallback();
  }

  /** `isOwn`: this node found it out itself. */
  #status(event: StatusEvent, shard: number, isOwn = false): Promise<void> {
    const attributes = { ...messageAttributes(event.messageId), 'waba.status': event.status };
    return traced('coreapp store status', { parent: event.traceparent, attributes }, ({ traceparent }) =>
      this.#storeStatus({ ...event, traceparent }, shard, isOwn),
    );
  }

  #storeStatus(event: StatusEvent, shard: number, isOwn: boolean): Promise<void> {
    const { metrics } = this.#options;
    const { status, messageId } = event;
    metrics.count('out_message_status', 'Receipts by status', { status });
    const isBilled = this.#options.settings()?.webhook_payload_conversation_pricingmodel_disabled !== true;
    const told = isBilled ? event : { ...event, billing: undefined };
    const callback = this.#wants(status) ? statusCallback(told, shard) : undefined;
    const isReceipt = status !== 'sent' && status !== 'failed';
    const impliedSent =
      isReceipt && this.#wants('sent')
        ? () => statusCallback({ ...told, status: 'sent', errors: undefined }, shard)
        : undefined;
    const { state, receipt } = stateAfter(status, isOwn);
    return this.#afterEarlier(messageId, () =>
      this.#update({ messageId, state, receipt, callback, impliedSent }),
    );
  }

  /**
   * Stores a status after those of the same message that are being stored, and not at all if one of these failed: both come
   * again then. Else a database that refuses one write would turn the order of their callbacks round.
   */
  #afterEarlier(messageId: string, store: () => Promise<void>): Promise<void> {
    const own = this.#storing.get(messageId)?.then(store) ?? store();
    this.#storing.set(messageId, own);
    const over = () => {
      if (this.#storing.get(messageId) === own) this.#storing.delete(messageId);
    };
    own.then(over, over);
    return own;
  }

  /** Stores message and callback in one transaction, unless callbacks are kept in memory. */
  async #update(update: MessageUpdate): Promise<void> {
    const { store, memory, onWaiting } = this.#options;
    const { callback } = update;
    const kept = memory();
    if (!kept) await store.update(update);
    else {
      if (callback) kept.add(callback);
      const { messageId, state, receipt } = update;
      if (messageId !== undefined) await store.update({ messageId, state, receipt });
    }
    if (callback) onWaiting(callback);
  }

  /** Each kind of receipt has a setting; failures are always reported. */
  #wants(status: StatusEvent['status']): boolean {
    const { webhooks, sent_status } = this.#options.settings() ?? {};
    if (!knows(this.#options.version, 'statusSwitches')) return status !== 'sent' || sent_status === true;
    if (status === 'sent') return webhooks?.message.sent === true || sent_status === true;
    const wanted: Readonly<Record<string, boolean>> = webhooks?.message ?? {};
    // Clients of the On-Premises product do not know it.
    if (status === 'sending') return wanted.sending === true;
    return wanted[status] !== false;
  }

  /** With security notifications on, the business has to acknowledge a changed identity before it can send again. */
  async #identity({ waId, hash, timestamp }: IdentityEvent, shard: number): Promise<void> {
    const { store, settings } = this.#options;
    const isTold = settings()?.show_security_notifications === true;
    await store.setIdentity(waId, hash, !isTold);
    if (!isTold) return;
    const system = {
      type: 'user_identity_changed',
      identity: hash,
      user: waId,
      body: `${waId} has a new security code`,
    };
    await this.#update({ callback: systemCallback({ waId, timestamp }, system, shard) });
  }

  async #numberChanged({ waId, newWaId, timestamp }: NumberEvent, shard: number): Promise<void> {
    if (this.#options.settings()?.notify_user_change_number !== true) return;
    const body = `User changed their phone number from ${waId} to ${newWaId}`;
    const system = { type: 'user_changed_number', body, new_wa_id: newWaId };
    await this.#update({ callback: systemCallback({ waId, timestamp }, system, shard) });
  }

  /** The same kind of news as another number. */
  async #userIdChanged({ userId, newUserId, waId, timestamp }: UserIdEvent, shard: number): Promise<void> {
    if (this.#options.settings()?.notify_user_change_number !== true) return;
    const body = `User changed their id from ${userId} to ${newUserId}`;
    const system = { type: 'user_changed_user_id', body, user_id: newUserId };
    await this.#update({ callback: systemCallback({ waId, userId, timestamp }, system, shard) });
  }

  #inbound(event: MessageEvent, shard: number): Promise<void> {
    return traced('coreapp store message', { parent: event.traceparent }, ({ traceparent }) =>
      this.#storeInbound({ ...event, traceparent }, shard),
    );
  }

  async #storeInbound(event: MessageEvent, shard: number): Promise<void> {
    const { store, metrics, settings, version } = this.#options;
    const { callbacks, message: withMedia } = await this.#withMedia(event, shard);
    const received = await this.#withReferral(withMedia, event.referralMedia);
    const identity =
      settings()?.show_security_notifications === true ? await store.knownIdentity(received.from) : undefined;
    const message = reported(identity ? { ...received, identity } : received);
    const profileName = knows(version, 'profileNames') ? event.profileName : undefined;
    metrics.count('in_message_persisted', 'Incoming messages stored', { type: message.type });
    const { userId, isFromHidden, traceparent } = event;
    const callback = inboundCallback(message, { profileName, userId, isFromHidden }, shard);
    await this.#update({ callback: { ...callback, traceparent } });
    for (const other of callbacks) await this.#update({ callback: other });
  }

  /** Downloads the picture of an ad, unless a setting forbids it. A failed download is only logged. */
  async #withReferral(
    message: InboundMessage,
    media: MessageEvent['referralMedia'],
  ): Promise<InboundMessage> {
    const { settings, media: files, download, logger } = this.#options;
    if (!media || settings()?.skip_referral_media_download === true) return message;
    try {
      const { id } = await files.write(download(media.sha256), media.type, LARGEST_UPLOAD_BYTES);
      const content = { id, mime_type: media.type, sha256: media.sha256 };
      return { ...message, referral: { ...(message.referral as object), [media.kind]: content } };
    } catch (error) {
      logger.warn('media of an ad not downloaded', { error });
      return message;
    }
  }

  /** Downloads announced media unless it is there, and reports it to the webhook; nothing for an unknown id. */
  async fetch(id: string, shard: number): Promise<void> {
    const { media, onCallback } = this.#options;
    const received = await media.received(id);
    if (!received) return;
    await this.#update({ callback: await this.#fetched(received, shard) });
    onCallback();
  }

  async #fetched(received: ReceivedMedia, shard: number): Promise<NewCallback> {
    const { id, kind, type, sha256 } = received;
    try {
      await this.#download(received);
      return mediaCallback(kind, { id, mime_type: type, sha256, status: 'downloaded' }, shard);
    } catch (error) {
      return this.#notDownloaded(error, received, shard);
    }
  }

  async #download({ id, kind, type, sha256, filename }: ReceivedMedia): Promise<void> {
    const { media, download, metrics } = this.#options;
    if (await media.find(id)) return;
    await media.write(download(sha256), type, LARGEST_UPLOAD_BYTES, { id, filename });
    metrics.count('media_downloads', 'Media downloads', { result: 'ok', type: kind });
  }

  #notDownloaded(error: unknown, { id, kind: type }: ReceivedMedia, shard: number): NewCallback {
    const { logger, metrics } = this.#options;
    logger.warn('media not downloaded', { id, error });
    metrics.count('media_downloads', 'Media downloads', { result: 'failed', type });
    const problem = { code: 400, title: asynchronousErrors[400], details: 'Media could not be downloaded' };
    return errorCallback(problem, `media/${id}`, shard);
  }

  /** Downloads media of the types in `auto_download`; of other types the callback has type, checksum and an id. */
  async #withMedia(
    { message, media }: MessageEvent,
    shard: number,
  ): Promise<{ message: InboundMessage; callbacks: NewCallback[] }> {
    if (!media) return { message, callbacks: [] };
    const { settings, media: files } = this.#options;
    const { type: kind, from } = message;
    const own = (message[kind] ?? {}) as { readonly filename?: unknown };
    const filename = typeof own.filename === 'string' ? own.filename : undefined;
    const received = await files.announce({ ...media, kind, from, filename });
    const { id } = received;
    const content = { ...own, id, mime_type: media.type, sha256: media.sha256 };
    const told = (more: object) => ({ ...message, [kind]: { ...content, ...more } });
    if (!settings()?.media.auto_download.includes(kind))
      return { message: told({ status: 'undownloaded' }), callbacks: [] };
    try {
      await this.#download(received);
      return { message: told({ file: files.path(id) }), callbacks: [] };
    } catch (error) {
      const callback = this.#notDownloaded(error, received, shard);
      return { message: told({ status: 'undownloaded' }), callbacks: [callback] };
    }
  }

  #timestamp = (): string => String(Math.floor(this.#options.now() / 1000));
}

/**
 * What a status means for the message. `sent` by itself is told of a message that was on its way already: told as a state, it
 * would be no news, and have no callback.
 */
function stateAfter(status: StatusEvent['status'], isOwn: boolean): Pick<MessageUpdate, 'state' | 'receipt'> {
  if (status === 'failed') return { state: status };
  if (status === 'sent') return isOwn ? { state: status } : {};
  return { receipt: status };
}
