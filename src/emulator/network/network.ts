import { randomBytes, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { shardOf, waitDetails } from '../../onprem/account.ts';
import { codeHash, parseCertificate } from '../../onprem/emulatorCertificate.ts';
import { asynchronousErrors } from '../../onprem/errorCatalogue.ts';
import { messageId } from '../../onprem/messages.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { type NetworkEvent, type NetworkProtocol, networkProtocol } from '../wire/networkProtocol.ts';
import { Refusal } from '../wire/protocol.ts';
import { type Handlers, type Peer, type RpcServer, serveRpc } from '../wire/rpcServer.ts';
import { Journal } from './journal.ts';
import { type Entry, NetworkState, type NumberState } from './networkState.ts';
import { PersonalMedia } from './personalMedia.ts';

export interface NetworkOptions {
  readonly host: string;
  readonly port: number;
  readonly dataFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export const NETWORK_BEHAVIOUR = {
  /** Time between two code requests; the real one is hours, announced only as prose. */
  codeCooldownMs: 10 * 60_000,
  /** After 24 hours of a person's silence only templates reach them (error 470). */
  sessionWindowMs: 24 * 3_600_000,
  deliveryMs: 50,
  readMs: 150,
  /** Events of a number that are sent ahead of their acknowledgement. */
  eventBatch: 200,
  /** Not found in any source: what the reason of a refused registration is called. */
  wrongCode: "Registration failed for reason 'incorrect_code'.",
  badCertificate: "Registration failed for reason 'biz_link_info_invalid_payload'.",
  expiredCertificate: "Registration failed for reason 'biz_link_cert_expired'.",
  wrongPin: "Registration failed for reason 'incorrect_pin'.",
} as const;

interface Session {
  readonly peer: Peer<NetworkProtocol>;
  readonly number: string;
  readonly shard: number;
  /** How many shards the number is split into, as this session knows it. */
  readonly shards: number;
  readonly epoch: number;
  /** Events that this session was told and has not acknowledged. */
  readonly told: Set<number>;
}

/** What stands for the servers of WhatsApp: numbers, sessions, people, messages in flight. It outlives stacks. */
export class Network {
  readonly #options: NetworkOptions;
  readonly #state: NetworkState;
  readonly #journal: Journal<Entry>;
  readonly #sessions = new Map<string, Session>();
  readonly #byPeer = new Map<Peer<NetworkProtocol>, Session>();
  readonly #media: PersonalMedia;
  readonly #timers = new Set<() => void>();
  #server: RpcServer | undefined;

  private constructor(options: NetworkOptions, state: NetworkState, journal: Journal<Entry>) {
    this.#options = options;
    this.#state = state;
    this.#journal = journal;
    this.#media = new PersonalMedia(join(options.dataFolder, 'media'));
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
    for (const [id] of state.outgoing) network.#deliverLater(id);
    return network;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  get state(): NetworkState {
    return this.#state;
  }

  async close(): Promise<void> {
    for (const cancel of this.#timers) cancel();
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
    const now = this.#options.clock.now();
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
      requestCode: (request) => this.#requestCode(request),
      register: (request) => this.#register(request),
      login: async (request, peer) => this.#login(request, peer),
      send: (request, peer) => this.#send(request, this.#sessionOf(peer)),
      markRead: async ({ id }, peer) => {
        const { number } = this.#sessionOf(peer);
        if (this.#state.isRead(number, id) === undefined) throw new Refusal(1006, `No message ${id}`);
        await this.#record({ type: 'read-by-business', number, id });
        return {};
      },
      download: async ({ sha256, offset }) => ({ base64: await this.#media.part(sha256, offset) }),
      setPin: async ({ number, registrationKey, pin }) => {
        if (this.#state.number(number).registrationKey !== registrationKey)
          throw new Refusal(1005, 'the number is registered elsewhere');
        await this.#record({ type: 'pin', number, ...(pin === undefined ? {} : { pin }) });
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

  async #requestCode(request: {
    cc: string;
    phone_number: string;
    cert: string;
    pin?: string | undefined;
    registrationKey?: string | undefined;
  }) {
    const id = request.cc + request.phone_number;
    const number = this.#state.number(id);
    const certificate = this.#checkCertificate(request.cert, id);
    if (request.registrationKey && request.registrationKey === number.registrationKey) {
      return { outcome: 'already-registered' as const, vname: certificate.vname };
    }
    this.#checkPin(number, request.pin);
    const now = this.#options.clock.now();
    const waitMs =
      (number.codeRequestedAt ?? Number.NEGATIVE_INFINITY) + NETWORK_BEHAVIOUR.codeCooldownMs - now;
    if (waitMs > 0) throw new Refusal(1005, waitDetails(waitMs));
    // A certificate that names no code gets one by the simulated phone.
    const code = certificate.codeHash ? undefined : String(randomInt(1_000_000)).padStart(6, '0');
    await this.#record({
      type: 'code-requested',
      number: id,
      vname: certificate.vname,
      codeHash: certificate.codeHash ?? codeHash(code ?? ''),
      ...(code === undefined ? {} : { code }),
      at: now,
    });
    return { outcome: 'code-sent' as const, vname: certificate.vname };
  }

  #checkCertificate(cert: string, number: string) {
    const certificate = parseCertificate(cert);
    if (!certificate || (certificate.number && certificate.number !== number)) {
      throw new Refusal(1005, NETWORK_BEHAVIOUR.badCertificate);
    }
    if (certificate.notAfter && Date.parse(certificate.notAfter) < this.#options.clock.now()) {
      throw new Refusal(1005, NETWORK_BEHAVIOUR.expiredCertificate);
    }
    return certificate;
  }

  #checkPin(number: NumberState, pin: string | undefined): void {
    if (number.pin === undefined || number.pin === pin) return;
    throw pin === undefined
      ? new Refusal(1008, 'pin is required')
      : new Refusal(1005, NETWORK_BEHAVIOUR.wrongPin);
  }

  async #register(request: { number: string; code: string; pin?: string | undefined }) {
    const number = this.#state.number(request.number);
    this.#checkPin(number, request.pin);
    if (!number.codeHash || number.codeHash !== codeHash(request.code))
      throw new Refusal(1005, NETWORK_BEHAVIOUR.wrongCode);
    const registrationKey = randomBytes(24).toString('base64url');
    await this.#record({ type: 'registered', number: request.number, registrationKey });
    // One number is one installation: whoever held it before is out.
    for (const session of this.#sessions.values()) {
      if (session.number === request.number) this.#replace(session, 'the number was registered elsewhere');
    }
    return { registrationKey, vname: number.vname };
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
    const session: Session = { peer, number, shard, shards, epoch, told: new Set() };
    this.#sessions.set(key, session);
    this.#byPeer.set(peer, session);
    // The answer to this call goes out first.
    setImmediate(() => this.#tell(session));
    return {};
  }

  async #send(request: { id: string; to: string; type: string }, session: Session) {
    const { number } = session;
    if (this.#state.hasSeen(request.id)) return {};
    await this.#record({
      type: 'accepted',
      id: request.id,
      number,
      to: request.to,
      messageType: request.type,
    });
    this.#deliverLater(request.id);
    return {};
  }

  #deliverLater(id: string): void {
    const message = this.#state.outgoing.get(id);
    if (!message) return;
    const { number, to } = message;
    const silentMs =
      this.#options.clock.now() - (this.#state.people.get(to)?.lastWrote[number] ?? Number.NEGATIVE_INFINITY);
    const isFree = message.messageType === 'template' || message.messageType === 'hsm';
    if (message.stage === 'sent' && !isFree && silentMs > NETWORK_BEHAVIOUR.sessionWindowMs) {
      this.#later(NETWORK_BEHAVIOUR.deliveryMs, () => this.#advance(id, 'failed'));
      return;
    }
    if (message.stage === 'sent')
      this.#later(NETWORK_BEHAVIOUR.deliveryMs, () => this.#advance(id, 'delivered'));
    this.#later(NETWORK_BEHAVIOUR.deliveryMs + NETWORK_BEHAVIOUR.readMs, () => this.#advance(id, 'read'));
  }

  async #advance(id: string, stage: 'delivered' | 'read' | 'failed'): Promise<void> {
    const message = this.#state.outgoing.get(id);
    if (!message) return;
    const { number, to } = message;
    const errors = stage === 'failed' ? [{ code: 470, title: asynchronousErrors[470] }] : undefined;
    await this.#emit(number, {
      kind: 'status',
      messageId: id,
      recipient: to,
      status: stage,
      timestamp: String(Math.floor(this.#options.clock.now() / 1000)),
      ...(errors ? { errors } : {}),
    });
    await this.#record({ type: 'stage', id, stage });
  }

  #later(delayMs: number, action: () => Promise<void>): void {
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(cancel);
      action().catch((error: unknown) => this.#options.logger.error('simulation failed', { error }));
    });
    this.#timers.add(cancel);
  }

  async #emit(number: string, body: NetworkEvent['body']): Promise<void> {
    const event: NetworkEvent = { eventId: this.#state.nextEventId++, body };
    await this.#record({ type: 'event', number, event });
    for (const session of this.#sessions.values()) if (session.number === number) this.#tell(session);
  }

  #tell(session: Session): void {
    const room = NETWORK_BEHAVIOUR.eventBatch - session.told.size;
    if (room <= 0) return;
    const events = this.#state
      .number(session.number)
      .events.filter(
        ({ eventId, body }) =>
          !session.told.has(eventId) && shardOf(peerOf(body), session.shards) === session.shard,
      )
      .slice(0, room);
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
const peerOf = (body: NetworkEvent['body']): string =>
  body.kind === 'inbound' ? body.message.from : body.recipient;
