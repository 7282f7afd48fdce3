import { createHash, randomBytes, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { shardOf, waitDetails } from '../../onprem/account.ts';
import { codeHash, parseCertificate } from '../../onprem/emulatorCertificate.ts';
import { messageId } from '../../onprem/messages.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import {
  type Billing,
  type NetworkEvent,
  type NetworkProtocol,
  networkProtocol,
} from '../wire/networkProtocol.ts';
import { type CallRequest, Refusal } from '../wire/protocol.ts';
import { type Handlers, type Peer, type RpcServer, serveRpc } from '../wire/rpcServer.ts';
import { type Behaviour, courseOf, DEFAULT_BEHAVIOUR, SESSION_WINDOW_MS, type Step } from './behaviour.ts';
import { Journal } from './journal.ts';
import { type Entry, NetworkState, type NumberState } from './networkState.ts';
import { PersonalMedia } from './personalMedia.ts';
import { laterFailure, type TemplateEntry, templateProblem } from './templates.ts';

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
  /** Time between two code requests; the real one is hours, announced only as prose. */
  codeCooldownMs: 10 * 60_000,
  /** Events of a number that are sent ahead of their acknowledgement. */
  eventBatch: 200,
  /** Not found in any source: what the reason of a refused registration is called. */
  wrongCode: "Registration failed for reason 'incorrect_code'.",
  badCertificate: "Registration failed for reason 'biz_link_info_invalid_payload'.",
  expiredCertificate: "Registration failed for reason 'biz_link_cert_expired'.",
  wrongPin: "Registration failed for reason 'incorrect_pin'.",
} as const;

/** How bad the way to a number is. */
export interface NetworkFaults {
  /** Every message waits this long. */
  readonly latencyMs?: number | undefined;
  /** Of the messages, this share is taken, and the connection is cut before the answer: 0 to 1. */
  readonly cutShare?: number | undefined;
}

/** setTimeout counts in 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

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
    for (const [id] of state.outgoing) network.#deliver(id);
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
      requestCode: (request) => this.#requestCode(request),
      register: (request) => this.#register(request),
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
    const now = this.now();
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
    if (certificate.notAfter && Date.parse(certificate.notAfter) < this.now()) {
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

  async #send(request: CallRequest<NetworkProtocol, 'send'>, session: Session) {
    const { number } = session;
    const { id, to, type, body } = request;
    const { latencyMs = 0, cutShare = 0 } = this.#faults.get(number) ?? {};
    if (latencyMs > 0) await sleep(this.#options.clock, latencyMs, this.#stop.signal);
    const billing = this.#billing(number, to, type);
    if (!this.#state.hasSeen(id)) {
      const failsWith = laterFailure(templateOf(type, body), this.#state.number(number).templates ?? []);
      await this.#record({
        type: 'accepted',
        id,
        number,
        to,
        messageType: type,
        acceptedAt: this.now(),
        ...(typeof body.ttl === 'number' ? { ttlDays: body.ttl } : {}),
        ...(failsWith === undefined ? {} : { failsWith }),
      });
      this.#deliver(id);
    }
    // Acted, and not answered.
    const { random = Math.random } = this.#options;
    if (random() < cutShare) session.peer.close();
    return { billing };
  }

  /** Every message of 24 hours is one conversation; what the business begins costs something else. */
  #billing(number: string, to: string, type: string): Billing {
    const windowStart = this.#state.people.get(to)?.lastWrote[number];
    const isOpen = windowStart !== undefined && this.now() - windowStart <= SESSION_WINDOW_MS;
    const category = isOpen || !isTemplate(type) ? 'service' : 'utility';
    const begun = isOpen ? windowStart : Math.floor(this.now() / SESSION_WINDOW_MS) * SESSION_WINDOW_MS;
    const id = createHash('sha256').update(`${number}/${to}/${category}/${begun}`).digest('hex').slice(0, 32);
    const expires = Math.floor((begun + SESSION_WINDOW_MS) / 1000);
    return {
      conversation: { id, expiration_timestamp: expires, origin: { type: category } },
      pricing: { pricing_model: 'CBP', billable: true, category },
    };
  }

  /** Sets off what will become of a message; after a restart what is left of it. */
  #deliver(id: string): void {
    const message = this.#state.outgoing.get(id);
    if (!message) return;
    const { number, to, messageType: type, acceptedAt, ttlDays, failsWith } = message;
    const person = this.#state.people.get(to);
    const silentMs = acceptedAt - (person?.lastWrote[number] ?? Number.NEGATIVE_INFINITY);
    const how = {
      ...DEFAULT_BEHAVIOUR,
      ...person?.behaviour,
      ...(failsWith === undefined ? {} : { failsWith }),
    };
    const steps = courseOf({ type, behaviour: how, silentMs, ttlDays }).filter(
      ({ stage }) => !message.done.includes(stage),
    );
    const sinceMs = this.now() - acceptedAt;
    steps.forEach((step, index) => {
      const isLast = index === steps.length - 1;
      this.#later(Math.max(0, step.afterMs - sinceMs), () => this.#advance(id, step, isLast));
    });
    if (steps.length === 0) void this.#record({ type: 'finished', id });
  }

  async #advance(id: string, { stage, error }: Step, isLast: boolean): Promise<void> {
    const message = this.#state.outgoing.get(id);
    if (!message) return;
    const { number, to, messageType } = message;
    const { conversation, pricing } = this.#billing(number, to, messageType);
    const { expiration_timestamp: _, ...ongoing } = conversation;
    await this.#emit(number, {
      kind: 'status',
      messageId: id,
      recipient: to,
      status: stage,
      timestamp: String(Math.floor(this.now() / 1000)),
      ...(error ? { errors: [error] } : {}),
      ...(stage === 'delivered' || stage === 'read' ? { billing: { conversation: ongoing, pricing } } : {}),
    });
    await this.#record({ type: 'stage', id, stage });
    if (isLast) await this.#record({ type: 'finished', id });
  }

  #later(delayMs: number, action: () => Promise<void>): void {
    // A timer can't wait longer; days of a ttl are waited for in parts.
    const partMs = Math.min(delayMs, LONGEST_TIMER_MS);
    const cancel = this.#options.clock.after(partMs, () => {
      this.#timers.delete(cancel);
      if (delayMs > partMs) return this.#later(delayMs - partMs, action);
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
function peerOf(body: NetworkEvent['body']): string {
  if (body.kind === 'inbound') return body.message.from;
  return body.kind === 'status' ? body.recipient : body.waId;
}

const isTemplate = (type: string): boolean => type === 'template' || type === 'hsm';
const templateOf = (type: string, body: Record<string, unknown>) =>
  (isTemplate(type) ? body[type] : {}) as Parameters<typeof laterFailure>[0];
