import { shardOf } from '../../onprem/account.ts';
import type { NetworkEvent, NetworkProtocol } from '../wire/networkProtocol.ts';
import { type CallRequest, Refusal } from '../wire/protocol.ts';
import type { Peer } from '../wire/rpcServer.ts';

/**
 * Unacknowledged events that a session may have at a time. Few bytes of them travel in a frame, which has a longest
 * length, and in a transaction of the Coreapp.
 */
const UNACKNOWLEDGED = { events: 1_000, bytes: 2 * 1024 * 1024 } as const;
/** What counts for a status without errors, whose texts are all short: to measure each would cost as much as to send it. */
const STATUS_BYTES = 1024;
/** No frame carries a larger event. */
const LARGEST_EVENT_BYTES = 8 * 1024 * 1024;

/** The connection of the Coreapp, or primary Master, that holds a shard of a number. */
export interface Session {
  readonly peer: Peer<NetworkProtocol>;
  readonly number: string;
  readonly shard: number;
  /** How many shards the number is split into, as this session knows it. */
  readonly shards: number;
  readonly epoch: number;
  /** Events that were sent to this session and are not acknowledged, with their bytes. */
  readonly told: Map<number, number>;
  /** The bytes of all of these. */
  toldBytes: number;
  /** Id of the last event that was considered for this session. */
  cursor: number;
  /** Whether it is told of new events at the end of this turn of the event loop. */
  isDue: boolean;
}

/** What sessions are told of a number. */
export interface KnownNumbers {
  known(number: string): {
    readonly registrationKey?: string | undefined;
    /** Not acknowledged yet, with growing ids. */
    readonly events: readonly NetworkEvent[];
  };
}

/** Open sessions: for each shard of a number, the newest one. */
export class Sessions {
  readonly #state: KnownNumbers;
  readonly #drop: (number: string, event: NetworkEvent) => void;
  readonly #sessions = new Map<string, Session>();
  readonly #byPeer = new Map<Peer<NetworkProtocol>, Session>();

  /** `drop` forgets an event that can never be sent. */
  constructor(state: KnownNumbers, drop: (number: string, event: NetworkEvent) => void) {
    this.#state = state;
    this.#drop = drop;
  }

  /** @throws Refusal 1005 for a number that somebody else registered, 1018 for an older owner of the shard */
  login(request: CallRequest<NetworkProtocol, 'login'>, peer: Peer<NetworkProtocol>): void {
    const { number, registrationKey, shard, shards, epoch } = request;
    if (this.#state.known(number).registrationKey !== registrationKey)
      throw new Refusal(1005, 'the number is registered elsewhere');
    const key = `${number}/${shard}`;
    const current = this.#sessions.get(key);
    if (current && current.epoch > epoch) throw new Refusal(1018, `shard ${shard} has a newer owner`);
    if (current) this.#replace(current, `shard ${shard} has a newer session`);
    // Sessions of another number of shards belong to former owners.
    for (const other of this.ofNumber(number))
      if (other.shards !== shards && other.epoch < epoch)
        this.#replace(other, `the number has ${shards} shards now`);
    const session: Session = {
      peer,
      number,
      shard,
      shards,
      epoch,
      told: new Map(),
      toldBytes: 0,
      cursor: 0,
      isDue: false,
    };
    this.#sessions.set(key, session);
    this.#byPeer.set(peer, session);
    this.#tellSoon(session);
  }

  /** @throws Refusal 1018 for a peer without a current session */
  of(peer: Peer<NetworkProtocol>): Session {
    const session = this.#byPeer.get(peer);
    if (!session || this.#sessions.get(`${session.number}/${session.shard}`) !== session)
      throw new Refusal(1018, 'no session');
    return session;
  }

  ofNumber(number: string): Session[] {
    return [...this.#sessions.values()].filter((session) => session.number === number);
  }

  all(): Session[] {
    return [...this.#sessions.values()];
  }

  /** Of all sessions of all numbers. */
  peers(): Peer<NetworkProtocol>[] {
    return this.all().map(({ peer }) => peer);
  }

  /** Sends new events to the sessions of a number. */
  announce(number: string): void {
    for (const session of this.#sessions.values()) if (session.number === number) this.#tellSoon(session);
  }

  acknowledged(session: Session, eventIds: readonly number[]): void {
    for (const id of eventIds) {
      session.toldBytes -= session.told.get(id) ?? 0;
      session.told.delete(id);
    }
    this.#tellSoon(session);
  }

  /** Ends all sessions of a number. */
  replaceAll(number: string, reason: string): void {
    for (const session of this.ofNumber(number)) this.#replace(session, reason);
  }

  disconnected(peer: Peer<NetworkProtocol>): void {
    const session = this.#byPeer.get(peer);
    this.#byPeer.delete(peer);
    if (session && this.#sessions.get(`${session.number}/${session.shard}`) === session)
      this.#sessions.delete(`${session.number}/${session.shard}`);
  }

  /** After what this turn still says and emits: the answer to a login goes first, and events of a turn travel together. */
  #tellSoon(session: Session): void {
    if (session.isDue) return;
    session.isDue = true;
    setImmediate(() => {
      session.isDue = false;
      if (this.#byPeer.get(session.peer) === session) this.#tell(session);
    });
  }

  #tell(session: Session): void {
    const { told, number, shard, shards } = session;
    const { events: waiting } = this.#state.known(number);
    const events: NetworkEvent[] = [];
    // Ids grow, so the search starts after the last event that was considered.
    for (
      let index = firstAfter(waiting, session.cursor);
      index < waiting.length && told.size < UNACKNOWLEDGED.events;
      index++
    ) {
      const event = waiting[index] as NetworkEvent;
      if (shardOf(peerOf(event.body), shards) === shard) {
        const size = bytesOf(event);
        if (size > LARGEST_EVENT_BYTES) this.#drop(number, event);
        else {
          if (told.size > 0 && session.toldBytes + size > UNACKNOWLEDGED.bytes) break;
          session.toldBytes += size;
          told.set(event.eventId, size);
          events.push(event);
        }
      }
      session.cursor = event.eventId;
    }
    if (events.length > 0) session.peer.emit('events', { events });
  }

  #replace(session: Session, reason: string): void {
    this.#sessions.delete(`${session.number}/${session.shard}`);
    this.#byPeer.delete(session.peer);
    session.peer.emit('replaced', { reason });
  }
}

/** The person whose shard an event belongs to. */
function peerOf(body: NetworkEvent['body']): string {
  if (body.kind === 'inbound') return body.message.from;
  if (body.kind === 'user-id-changed') return body.waId ?? body.userId;
  return body.kind === 'status' ? body.recipient : body.waId;
}

/** Infinite for an event that is no JSON. */
function bytesOf(event: NetworkEvent): number {
  if (event.body.kind === 'status' && event.body.errors === undefined) return STATUS_BYTES;
  try {
    return Buffer.byteLength(JSON.stringify(event));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Index of the first event after this id, by halving. */
function firstAfter(events: readonly NetworkEvent[], eventId: number): number {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.eventId ?? 0) <= eventId) low = middle + 1;
    else high = middle;
  }
  return low;
}
