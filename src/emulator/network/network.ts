import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { shardOf } from '../../onprem/account.ts';
import { messageId } from '../../onprem/messages.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { type NetworkEvent, type NetworkProtocol, networkProtocol } from '../wire/networkProtocol.ts';
import { type CallRequest, Refusal } from '../wire/protocol.ts';
import { type Handlers, type Peer, type RpcServer, serveRpc } from '../wire/rpcServer.ts';
import type { Behaviour } from './behaviour.ts';
import { Deliveries } from './deliveries.ts';
import { Journal } from './journal.ts';
import { type Entry, NetworkState } from './networkState.ts';
import { PersonalMedia } from './personalMedia.ts';
import { Registrar } from './registrar.ts';
import { type TemplateEntry, templateProblem } from './templates.ts';

export interface NetworkOptions {
  readonly host: string;
  readonly port: number;
  readonly dataFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For faults. */
  readonly random?: () => number;
}

export const NETWORK_BEHAVIOUR = {
  /** Events of a number that are sent ahead of their acknowledgement. */
  eventBatch: 200,
} as const;

/** How bad the way to a number is. */
export interface NetworkFaults {
  /** Every message waits this long. */
  readonly latencyMs?: number | undefined;
  /** Of the messages, this share is taken, and the connection is cut before the answer: 0 to 1. */
  readonly cutShare?: number | undefined;
}

interface Session {
  readonly peer: Peer<NetworkProtocol>;
  readonly number: string;
  readonly shard: number;
  /** How many shards the number is split into, as this session knows it. */
  readonly shards: number;
  readonly epoch: number;
  /** Events that this session was told and has not acknowledged. */
  readonly told: Set<number>;
  /** The last event that was looked at for it. */
  cursor: number;
}

/** What stands for the servers of WhatsApp: numbers, sessions, people, messages in flight. It outlives stacks. */
export class Network {
  readonly #options: NetworkOptions;
  readonly #state: NetworkState;
  readonly #journal: Journal<Entry>;
  readonly #sessions = new Map<string, Session>();
  readonly #byPeer = new Map<Peer<NetworkProtocol>, Session>();
  readonly #media: PersonalMedia;
  readonly #registrar: Registrar;
  readonly #deliveries: Deliveries;
  readonly #faults = new Map<string, NetworkFaults>();
  readonly #stop = new AbortController();
  /** By how much tests have moved the clock. */
  #movedMs = 0;
  #server: RpcServer | undefined;

  private constructor(options: NetworkOptions, state: NetworkState, journal: Journal<Entry>) {
    this.#options = options;
    this.#state = state;
    this.#journal = journal;
    this.#media = new PersonalMedia(join(options.dataFolder, 'media'));
    const { clock, logger } = options;
    const record = (entry: Entry) => this.#record(entry);
    const now = () => this.now();
    this.#registrar = new Registrar({ state, record, now });
    this.#deliveries = new Deliveries({
      state,
      record,
      emit: (number, body) => this.#emit(number, body),
      clock,
      logger,
      now,
    });
  }

  static async start(options: NetworkOptions): Promise<Network> {
    const path = join(options.dataFolder, 'network.jsonl');
    const state = new NetworkState();
    for (const entry of await Journal.read<Entry>(path)) state.apply(entry);
    const network = new Network(options, state, await Journal.start<Entry>(path, [state.snapshot()]));
    network.#server = await serveRpc(networkProtocol, network.#handlers(), {
      host: options.host,
      port: options.port,
      logger: options.logger,
      onDisconnect: (peer) => network.#disconnected(peer),
    });
    network.#deliveries.resume();
    return network;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  get state(): NetworkState {
    return this.#state;
  }

  /** The time that counts here: that of the machine, unless a test has moved it. */
  now(): number {
    return this.#options.clock.now() + this.#movedMs;
  }

  /** Moves this clock: windows close, certificates expire. Timers that run already are not moved. */
  advance(byMs: number): void {
    this.#movedMs += byMs;
  }

  /** Makes the way to a number bad. */
  setFaults(number: string, faults: NetworkFaults): void {
    this.#faults.set(number, faults);
  }

  async setBehaviour(waId: string, changed: Partial<Behaviour>): Promise<void> {
    await this.#record({ type: 'behaviour', waId, behaviour: changed });
  }

  /** Makes a person known by name and manner. */
  async setPerson(
    waId: string,
    { name, behaviour }: { name?: string | undefined; behaviour: Partial<Behaviour> },
  ): Promise<void> {
    if (name !== undefined) await this.#record({ type: 'person', waId, profileName: name, at: this.now() });
    await this.setBehaviour(waId, behaviour);
  }

  async setTemplates(number: string, templates: TemplateEntry[]): Promise<void> {
    await this.#record({ type: 'templates', number, templates });
  }

  /** A person has a new phone: every number that they wrote to hears of another identity. */
  async changeIdentity(waId: string): Promise<void> {
    await this.#record({ type: 'identity-changed', waId });
    const hash = this.#identityOf(waId);
    for (const number of Object.keys(this.#state.person(waId).lastWrote))
      await this.#emit(number, { kind: 'identity', waId, hash, timestamp: this.#timestamp() });
  }

  /** A person has a new number; it is the same person. */
  async changeNumber(waId: string, newWaId: string): Promise<void> {
    for (const number of Object.keys(this.#state.person(waId).lastWrote))
      await this.#emit(number, { kind: 'number-changed', waId, newWaId, timestamp: this.#timestamp() });
  }

  #identityOf(waId: string): string {
    const changes = this.#state.people.get(waId)?.identityChanges ?? 0;
    return createHash('sha256').update(`${waId}/${changes}`).digest('base64').slice(0, 12);
  }

  #timestamp = (): string => String(Math.floor(this.now() / 1000));

  async close(): Promise<void> {
    this.#stop.abort();
    this.#deliveries.stop();
    await this.#server?.close();
    await this.#journal.close();
  }

  /** A person writes to a number: any content of the API, media as bytes. @returns the message's id */
  async receiveFromPerson(input: {
    from: string;
    to: string;
    type: string;
    content: Record<string, unknown>;
    media?: { type: string; data: Buffer } | undefined;
    context?: Record<string, unknown> | undefined;
    profileName?: string | undefined;
  }): Promise<string> {
    const { from, to, type, content, context } = input;
    const now = this.now();
    const id = messageId('inbound', from, randomBytes);
    const profileName = input.profileName ?? this.#state.person(from).profileName;
    await this.#record({
      type: 'person',
      waId: from,
      wroteTo: to,
      messageId: id,
      at: now,
      ...(profileName ? { profileName } : {}),
    });
    const timestamp = String(Math.floor(now / 1000));
    const message = { from, id, timestamp, type, [type]: content, ...(context ? { context } : {}) };
    const media = input.media && { type: input.media.type, sha256: await this.#media.keep(input.media.data) };
    await this.#emit(to, {
      kind: 'inbound',
      message,
      ...(profileName ? { profileName } : {}),
      ...(media ? { media } : {}),
    });
    return id;
  }

  #handlers(): Handlers<NetworkProtocol> {
    return {
      requestCode: (request) => this.#registrar.requestCode(request),
      register: async (request) => {
        const registered = await this.#registrar.register(request);
        // One number is one installation: whoever held it before is out.
        for (const session of this.#sessions.values())
          if (session.number === request.number)
            this.#replace(session, 'the number was registered elsewhere');
        return registered;
      },
      login: async (request, peer) => this.#login(request, peer),
      send: (request, peer) => this.#send(request, this.#sessionOf(peer)),
      checkTemplate: async ({ number, template }) => {
        const problem = templateProblem(template as never, this.#state.number(number).templates ?? []);
        if (problem) throw new Refusal(problem.code, problem.details);
        return {};
      },
      identity: async ({ waId }) => ({ hash: this.#identityOf(waId) }),
      markRead: async ({ id }, peer) => {
        const { number } = this.#sessionOf(peer);
        if (this.#state.isRead(number, id) === undefined) throw new Refusal(1006, `No message ${id}`);
        await this.#record({ type: 'read-by-business', number, id });
        return {};
      },
      download: async ({ sha256, offset }) => ({ base64: await this.#media.part(sha256, offset) }),
      setPin: async (request) => {
        await this.#registrar.setPin(request);
        return {};
      },
      acknowledge: async ({ eventIds }, peer) => {
        const session = this.#sessionOf(peer);
        for (const id of eventIds) session.told.delete(id);
        await this.#record({ type: 'acknowledged', number: session.number, eventIds });
        this.#tell(session);
        return {};
      },
    };
  }

  #login(
    request: { number: string; registrationKey: string; shard: number; shards: number; epoch: number },
    peer: Peer<NetworkProtocol>,
  ) {
    const { number, registrationKey, shard, shards, epoch } = request;
    if (this.#state.number(number).registrationKey !== registrationKey) {
      throw new Refusal(1005, 'the number is registered elsewhere');
    }
    const key = `${number}/${shard}`;
    const current = this.#sessions.get(key);
    if (current && current.epoch > epoch) throw new Refusal(1018, `shard ${shard} has a newer owner`);
    if (current) this.#replace(current, `shard ${shard} has a newer session`);
    const session: Session = { peer, number, shard, shards, epoch, told: new Set(), cursor: 0 };
    this.#sessions.set(key, session);
    this.#byPeer.set(peer, session);
    // The answer to this call goes out first.
    setImmediate(() => this.#tell(session));
    return {};
  }

  async #send(request: CallRequest<NetworkProtocol, 'send'>, session: Session) {
    const { clock, random = Math.random } = this.#options;
    const { latencyMs = 0, cutShare = 0 } = this.#faults.get(session.number) ?? {};
    if (latencyMs > 0) await sleep(clock, latencyMs, this.#stop.signal);
    const billing = await this.#deliveries.accept(session.number, request);
    // Acted, and not answered.
    if (random() < cutShare) session.peer.close();
    return { billing };
  }

  async #emit(number: string, body: NetworkEvent['body']): Promise<void> {
    const event: NetworkEvent = { eventId: this.#state.nextEventId++, body };
    await this.#record({ type: 'event', number, event });
    for (const session of this.#sessions.values()) if (session.number === number) this.#tell(session);
  }

  #tell(session: Session): void {
    const room = NETWORK_BEHAVIOUR.eventBatch - session.told.size;
    const { events: waiting } = this.#state.number(session.number);
    const events: NetworkEvent[] = [];
    // Ids grow, so that what was looked at before need not be looked at again for each new event.
    for (
      let index = firstAfter(waiting, session.cursor);
      index < waiting.length && events.length < room;
      index++
    ) {
      const event = waiting[index] as NetworkEvent;
      session.cursor = event.eventId;
      if (shardOf(peerOf(event.body), session.shards) === session.shard) events.push(event);
    }
    if (events.length === 0) return;
    for (const { eventId } of events) session.told.add(eventId);
    session.peer.emit('events', { events });
  }

  #sessionOf(peer: Peer<NetworkProtocol>): Session {
    const session = this.#byPeer.get(peer);
    if (!session || this.#sessions.get(`${session.number}/${session.shard}`) !== session)
      throw new Refusal(1018, 'no session');
    return session;
  }

  #replace(session: Session, reason: string): void {
    this.#sessions.delete(`${session.number}/${session.shard}`);
    this.#byPeer.delete(session.peer);
    session.peer.emit('replaced', { reason });
  }

  #disconnected(peer: Peer<NetworkProtocol>): void {
    const session = this.#byPeer.get(peer);
    this.#byPeer.delete(peer);
    if (session && this.#sessions.get(`${session.number}/${session.shard}`) === session) {
      this.#sessions.delete(`${session.number}/${session.shard}`);
    }
  }

  async #record(entry: Entry): Promise<void> {
    this.#state.apply(entry);
    await this.#journal.append(entry);
  }
}

/** Whose shard an event belongs to. */
function peerOf(body: NetworkEvent['body']): string {
  if (body.kind === 'inbound') return body.message.from;
  return body.kind === 'status' ? body.recipient : body.waId;
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
