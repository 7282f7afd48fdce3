import { surplus } from '../../base/surplus.ts';
import { waIdByRule } from '../../onprem/waId.ts';
import type { NetworkEvent } from '../wire/networkProtocol.ts';

/** A message that the stack handed over. */
export interface QueuedMessage {
  readonly id: string;
  readonly to: string;
  readonly type: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** A question of the gateway itself, of which the stack is told nothing. */
  readonly isOwn?: boolean | undefined;
  /** In the order of `mediaReferences`. */
  readonly media: readonly { readonly type: string; readonly sha256: string }[];
  /** Epoch ms, as all times here. */
  readonly acceptedAt: number;
  /** When it was posted last without a known outcome. */
  readonly postingAt?: number | undefined;
  readonly notBefore?: number | undefined;
  /** How often it was refused or could not be sent. */
  readonly failures: number;
}

/** A change of the gateway's state, as the journal keeps it. */
export type CloudEntry =
  | { readonly type: 'registered'; readonly number: string; readonly registrationKey: string }
  | { readonly type: 'accepted'; readonly message: QueuedMessage }
  /** The message is about to be posted. Without an entry after this one, nobody knows what became of it. */
  | { readonly type: 'posting'; readonly id: string; readonly at: number }
  /** Graph has the message. */
  | { readonly type: 'posted'; readonly id: string; readonly wamid: string }
  /** Graph does not have the message, and it is to be posted again. */
  | { readonly type: 'unsent'; readonly id: string; readonly notBefore: number }
  /** The message has failed. */
  | { readonly type: 'dropped'; readonly id: string }
  | { readonly type: 'named'; readonly id: string; readonly wamid: string }
  | { readonly type: 'uploaded'; readonly sha256: string; readonly mediaId: string; readonly at: number }
  | {
      readonly type: 'received-media';
      readonly sha256: string;
      readonly graphId: string;
      readonly at: number;
    }
  | { readonly type: 'person'; readonly userId: string; readonly waId: string }
  /** The person has another business-scoped id. */
  | { readonly type: 'user-id'; readonly userId: string; readonly newUserId: string }
  /** The person was asked for their number. */
  | { readonly type: 'asked'; readonly userId: string }
  /** The WhatsApp id of a number is another one than the rule says. */
  | { readonly type: 'alias'; readonly number: string; readonly waId: string }
  | { readonly type: 'identity'; readonly waId: string; readonly hash: string }
  /** `key`: of what happened, so that a webhook that is repeated tells nothing twice. */
  | { readonly type: 'event'; readonly event: NetworkEvent; readonly key: string }
  | { readonly type: 'told'; readonly key: string }
  | { readonly type: 'acknowledged'; readonly eventIds: readonly number[] }
  | { readonly type: 'next-event'; readonly eventId: number };

/** What a webhook repeats comes within days. Older entries of these tables go first. */
const MOST = {
  told: 200_000,
  names: 100_000,
  uploads: 20_000,
  receivedMedia: 100_000,
  asked: 200_000,
  // All of them travel in one frame.
  aliases: 10_000,
} as const;

/** Keeps the newest entries of a table. */
class Newest<K, V> extends Map<K, V> {
  readonly #kept: number;

  constructor(most: number) {
    super();
    // `surplus` lets a tenth more come before it names any.
    this.#kept = Math.floor(most / 1.1);
  }

  override set(key: K, value: V): this {
    this.delete(key);
    super.set(key, value);
    for (const old of surplus(this, this.#kept)) this.delete(old);
    return this;
  }
}

/** All that the gateway knows. Only `apply` changes it, so that a journal of entries restores it. */
export class CloudState {
  number = '';
  registrationKey: string | undefined;
  /** Messages that Graph does not have, or may not have, in order of acceptance. */
  readonly queued = new Map<string, QueuedMessage>();
  events: NetworkEvent[] = [];
  readonly uploads = new Newest<string, { readonly mediaId: string; readonly at: number }>(MOST.uploads);
  readonly receivedMedia = new Newest<string, { readonly graphId: string; readonly at: number }>(
    MOST.receivedMedia,
  );
  /** WhatsApp ids by business-scoped user id. */
  readonly people = new Map<string, string>();
  readonly identities = new Map<string, string>();
  /** WhatsApp ids by number, where the rule tells another one. */
  readonly aliases = new Newest<string, string>(MOST.aliases);
  readonly #asked = new Newest<string, true>(MOST.asked);
  readonly #wamids = new Newest<string, string>(MOST.names);
  readonly #ids = new Newest<string, string>(MOST.names);
  readonly #told = new Newest<string, true>(MOST.told);
  nextEventId = 1;

  /** For the sessions of the stack. Only one number is here. */
  known(number: string): {
    readonly registrationKey?: string | undefined;
    readonly events: readonly NetworkEvent[];
  } {
    return number === this.number ? this : { events: [] };
  }

  wamidOf(id: string): string | undefined {
    return this.#wamids.get(id);
  }

  idOf(wamid: string): string | undefined {
    return this.#ids.get(wamid);
  }

  /** The WhatsApp id of the person whom a number reaches. */
  waIdOf(number: string): string {
    return this.aliases.get(number) ?? waIdByRule(number);
  }

  /** The business-scoped id of the person with this WhatsApp id. */
  userIdOf(waId: string): string | undefined {
    for (const [userId, known] of this.people) if (known === waId) return userId;
    return undefined;
  }

  hasAsked(userId: string): boolean {
    return this.#asked.has(userId);
  }

  hasTold(key: string): boolean {
    return this.#told.has(key);
  }

  apply(entry: CloudEntry): void {
    (this.#effects[entry.type] as (entry: CloudEntry) => void)(entry);
  }

  readonly #effects: {
    readonly [T in CloudEntry['type']]: (entry: Extract<CloudEntry, { type: T }>) => void;
  } = {
    registered: ({ number, registrationKey }) => {
      this.number = number;
      this.registrationKey = registrationKey;
    },
    accepted: ({ message }) => void this.queued.set(message.id, message),
    posting: ({ id, at }) => this.#change(id, (message) => ({ ...message, postingAt: at })),
    unsent: ({ id, notBefore }) =>
      this.#change(id, ({ postingAt: _, ...message }) => ({
        ...message,
        notBefore,
        failures: message.failures + 1,
      })),
    posted: (entry) => {
      this.queued.delete(entry.id);
      this.#name(entry);
    },
    dropped: ({ id }) => void this.queued.delete(id),
    named: (entry) => this.#name(entry),
    uploaded: ({ sha256, mediaId, at }) => void this.uploads.set(sha256, { mediaId, at }),
    'received-media': ({ sha256, graphId, at }) => void this.receivedMedia.set(sha256, { graphId, at }),
    person: ({ userId, waId }) => void this.people.set(userId, waId),
    'user-id': ({ userId, newUserId }) => {
      const waId = this.people.get(userId);
      this.people.delete(userId);
      if (waId !== undefined) this.people.set(newUserId, waId);
      if (this.#asked.delete(userId)) this.#asked.set(newUserId, true);
    },
    asked: ({ userId }) => void this.#asked.set(userId, true),
    alias: ({ number, waId }) => void this.aliases.set(number, waId),
    identity: ({ waId, hash }) => void this.identities.set(waId, hash),
    event: ({ event, key }) => {
      this.events.push(event);
      this.#told.set(key, true);
      this.nextEventId = Math.max(this.nextEventId, event.eventId + 1);
    },
    told: ({ key }) => void this.#told.set(key, true),
    acknowledged: ({ eventIds }) => {
      const done = new Set(eventIds);
      this.events = this.events.filter(({ eventId }) => !done.has(eventId));
    },
    'next-event': ({ eventId }) => {
      this.nextEventId = Math.max(this.nextEventId, eventId);
    },
  };

  /** Entries that lead to this state. */
  *snapshot(): Generator<CloudEntry> {
    const { number, registrationKey } = this;
    if (registrationKey !== undefined) yield { type: 'registered', number, registrationKey };
    for (const message of this.queued.values()) yield { type: 'accepted', message };
    for (const [id, wamid] of this.#wamids) yield { type: 'named', id, wamid };
    for (const [sha256, { mediaId, at }] of this.uploads) yield { type: 'uploaded', sha256, mediaId, at };
    for (const [sha256, { graphId, at }] of this.receivedMedia)
      yield { type: 'received-media', sha256, graphId, at };
    for (const [userId, waId] of this.people) yield { type: 'person', userId, waId };
    for (const userId of this.#asked.keys()) yield { type: 'asked', userId };
    for (const [number, waId] of this.aliases) yield { type: 'alias', number, waId };
    for (const [waId, hash] of this.identities) yield { type: 'identity', waId, hash };
    for (const [key] of this.#told) yield { type: 'told', key };
    for (const event of this.events) yield { type: 'event', event, key: '' };
    yield { type: 'next-event', eventId: this.nextEventId };
  }

  #name({ id, wamid }: { readonly id: string; readonly wamid: string }): void {
    this.#wamids.set(id, wamid);
    this.#ids.set(wamid, id);
  }

  #change(id: string, how: (message: QueuedMessage) => QueuedMessage): void {
    const message = this.queued.get(id);
    if (message) this.queued.set(id, how(message));
  }
}
