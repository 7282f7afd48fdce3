import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { type GraphEvent, type GraphPerson, graphEvents } from '../../cloud/graphEvents.ts';
import type { GraphValue } from '../../cloud/graphWebhook.ts';
import { onPremisesId } from '../../cloud/messageIds.ts';
import { keyOfMessageId, messageId, peerOfMessageId } from '../../onprem/messages.ts';
import type { NetworkEvent } from '../wire/networkProtocol.ts';
import type { CloudMetrics } from './cloudMetrics.ts';
import type { CloudEntry, CloudState } from './cloudState.ts';

export interface CloudIntakeOptions {
  readonly state: CloudState;
  readonly record: (...entries: CloudEntry[]) => Promise<void>;
  readonly event: (body: NetworkEvent['body'], key: string) => CloudEntry;
  readonly onEvents: () => void;
  /** Media was announced: it is to be fetched before Graph deletes it. */
  readonly onMedia: (sha256: string) => void;
  /** How people without a visible number appear in callbacks. */
  readonly identity: 'Omit' | 'BsuidInFrom';
  readonly metrics: Pick<CloudMetrics, 'billed' | 'lagged'>;
  readonly clock: Clock;
}

/** An id of a message whose Cloud id has no known structure: the same for the same message. */
const UNKNOWN_PEER = '1000000';

/** Turns webhooks of the Cloud API into events of the stack. */
export class CloudIntake {
  readonly #options: CloudIntakeOptions;
  /** By key of an event. */
  readonly #writing = new Map<string, Promise<void>>();

  constructor(options: CloudIntakeOptions) {
    this.#options = options;
  }

  /** Resolves when everything is on disk: all of it, or nothing. */
  async take(values: readonly GraphValue[]): Promise<void> {
    const { onEvents, onMedia } = this.#options;
    const events = new Map(
      values
        .flatMap((value) => graphEvents(value, (wamid) => this.#idOf(wamid)))
        .map((event) => [keyOf(event), event] as const),
    );
    // A webhook that is repeated while the first one is written tells nothing new, unless the writing fails.
    for (let others = this.#writingOf(events); others.length > 0; others = this.#writingOf(events))
      await Promise.allSettled(others);
    const news = [...events].filter(([key, event]) => this.#isNews(key, event));
    const bills = news.flatMap(([, event]) => this.#billOf(event, news));
    const entries = news.flatMap(([key, event]) => this.#entriesOf(event, key));
    if (entries.length > 0)
      await this.#write(
        entries,
        news.map(([key]) => key),
      );
    onEvents();
    this.#measure(news, bills);
    for (const [, event] of news) if (event.kind === 'inbound' && event.media) onMedia(event.media.sha256);
  }

  /**
   * A message is billed when it is delivered. `read` of one that was not told as delivered implies that, and the other one of
   * the two, if it comes after all, bills nothing more.
   */
  #billOf(event: GraphEvent, news: readonly (readonly [string, GraphEvent])[]): readonly Bill[] {
    if (event.kind !== 'status' || event.billedAs === undefined) return [];
    const { status } = event;
    if (status !== 'delivered' && status !== 'read') return [];
    const other = keyOf({ ...event, status: status === 'read' ? 'delivered' : 'read' });
    const isBilled =
      this.#options.state.hasTold(other) ||
      // Of two that come together, `delivered` counts.
      (status === 'read' && news.some(([key]) => key === other));
    return isBilled ? [] : [event.billedAs];
  }

  #measure(news: readonly (readonly [string, GraphEvent])[], bills: readonly Bill[]): void {
    const { metrics, clock } = this.#options;
    for (const bill of bills) metrics.billed(bill);
    for (const [, event] of news) {
      const seconds = Number(timestampOf(event));
      if (Number.isFinite(seconds)) metrics.lagged(Math.max(0, clock.now() / 1_000 - seconds));
    }
  }

  #writingOf(events: ReadonlyMap<string, unknown>): Promise<void>[] {
    return [...events.keys()].flatMap((key) => this.#writing.get(key) ?? []);
  }

  /** A person may come back to an earlier identity. */
  #isNews(key: string, event: GraphEvent): boolean {
    return event.kind === 'identity' || !this.#options.state.hasTold(key);
  }

  async #write(entries: readonly CloudEntry[], keys: readonly string[]): Promise<void> {
    const writing = this.#options.record(...entries);
    for (const key of keys) this.#writing.set(key, writing);
    try {
      await writing;
    } finally {
      for (const key of keys) if (this.#writing.get(key) === writing) this.#writing.delete(key);
    }
  }

  #idOf(wamid: string): string {
    const known = this.#options.state.idOf(wamid) ?? onPremisesId(wamid);
    if (known !== undefined) return known;
    const key = createHash('sha256').update(wamid).digest().subarray(0, 10);
    return messageId('inbound', UNKNOWN_PEER, () => key);
  }

  #entriesOf(event: GraphEvent, key: string): CloudEntry[] {
    switch (event.kind) {
      case 'status':
        return this.#statusEntries(event, key);
      case 'inbound':
        return this.#inboundEntries(event, key);
      case 'number-changed': {
        const { kind, waId, newWaId, timestamp } = event;
        return [this.#options.event({ kind, waId, newWaId, timestamp }, key)];
      }
      case 'identity':
        return this.#identityEntries(event, key);
    }
  }

  #statusEntries(event: Extract<GraphEvent, { kind: 'status' }>, key: string): CloudEntry[] {
    const { state } = this.#options;
    const { wamid, person, status, timestamp, errors, billing } = event;
    // Other programs that send for the same number put their own texts into the field.
    const messageId = [event.messageId, state.idOf(wamid)].find(
      (id) => keyOfMessageId(id ?? '') !== undefined,
    );
    if (messageId === undefined) return [];
    const recipient = this.#waIdOf(person) ?? peerOfMessageId(messageId) ?? person.userId ?? '';
    return [
      // Also for a message whose post had no known outcome.
      ...(state.queued.has(messageId) ? [{ type: 'posted' as const, id: messageId, wamid }] : []),
      this.#options.event(
        {
          kind: 'status',
          messageId,
          recipient,
          status,
          timestamp,
          ...(errors.length > 0 ? { errors: [...errors] } : {}),
          ...(billing ? { billing: billing as never } : {}),
        },
        key,
      ),
    ];
  }

  #inboundEntries(event: Extract<GraphEvent, { kind: 'inbound' }>, key: string): CloudEntry[] {
    const { identity, clock } = this.#options;
    const { wamid, person, message, profileName, media } = event;
    const { userId } = person;
    const waId = this.#waIdOf(person);
    const from = waId ?? userId;
    if (from === undefined) return [];
    const id = String(message.id);
    return [
      ...this.#learn(person),
      ...(onPremisesId(wamid) === id ? [] : [{ type: 'named' as const, id, wamid }]),
      ...(media
        ? [{ type: 'received-media' as const, sha256: media.sha256, graphId: media.graphId, at: clock.now() }]
        : []),
      this.#options.event(
        {
          kind: 'inbound',
          message: { ...(message as { id: string; timestamp: string; type: string }), from },
          ...(profileName === undefined ? {} : { profileName }),
          ...(media ? { media: { type: media.type, sha256: media.sha256 } } : {}),
          ...(userId === undefined ? {} : { userId }),
          ...(waId === undefined && identity === 'Omit' ? { isFromHidden: true } : {}),
        },
        key,
      ),
    ];
  }

  #identityEntries({ waId, hash }: Extract<GraphEvent, { kind: 'identity' }>, key: string): CloudEntry[] {
    const known = this.#options.state.identities.get(waId);
    if (known === hash) return [];
    const timestamp = String(Math.floor(this.#options.clock.now() / 1000));
    return [
      { type: 'identity', waId, hash },
      // The first one known counts as acknowledged.
      ...(known === undefined ? [] : [this.#options.event({ kind: 'identity', waId, hash, timestamp }, key)]),
    ];
  }

  #waIdOf({ waId, userId }: GraphPerson): string | undefined {
    return waId ?? (userId === undefined ? undefined : this.#options.state.people.get(userId));
  }

  #learn({ waId, userId }: GraphPerson): CloudEntry[] {
    if (waId === undefined || userId === undefined) return [];
    return this.#options.state.people.get(userId) === waId ? [] : [{ type: 'person', userId, waId }];
  }
}

type Bill = NonNullable<Extract<GraphEvent, { kind: 'status' }>['billedAs']>;

function timestampOf(event: GraphEvent): string | undefined {
  if (event.kind === 'identity') return undefined;
  return event.kind === 'inbound' ? String(event.message.timestamp) : event.timestamp;
}

/** The same for what a webhook repeats. */
function keyOf(event: GraphEvent): string {
  switch (event.kind) {
    case 'status':
      return `${event.messageId ?? event.wamid}/${event.status}`;
    case 'inbound':
    case 'number-changed':
      return event.wamid;
    case 'identity':
      return `${event.waId}/${event.hash}`;
  }
}
