import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Clock, sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { messageId } from '../../onprem/messages.ts';
import { isTemplate } from '../../onprem/templateMessage.ts';
import { type NetworkEvent, type NetworkProtocol, networkProtocol } from '../wire/networkProtocol.ts';
import { type CallRequest, Refusal } from '../wire/protocol.ts';
import { type Handlers, type RpcServer, serveRpc } from '../wire/rpcServer.ts';
import { ApiFaults } from './apiFaults.ts';
import type { Behaviour } from './behaviour.ts';
import { type Catalog, productProblem } from './catalog.ts';
import { Ceiling } from './ceiling.ts';
import { Deliveries } from './deliveries.ts';
import { Journal } from './journal.ts';
import type { MessagingLimits } from './messagingLimits.ts';
import type { NetworkFaults } from './networkFaults.ts';
import { type Entry, NetworkState } from './networkState.ts';
import { PersonalMedia } from './personalMedia.ts';
import { Registrar } from './registrar.ts';
import { type Session, Sessions } from './sessions.ts';
import { type TemplateEntry, templateProblem } from './templates.ts';

export interface NetworkOptions {
  readonly host: string;
  readonly port: number;
  readonly dataFolder: string;
  /** Tiers and throughput as documented; off for measurements. */
  readonly limits: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For faults. */
  readonly random?: () => number;
}

/** What a person writes: any content of the API, media as bytes. */
export interface PersonalMessage {
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly content: Record<string, unknown>;
  readonly media?: { readonly type: string; readonly data: Buffer } | undefined;
  readonly context?: Record<string, unknown> | undefined;
  /** The ad that they came from, and its picture. */
  readonly referral?: Record<string, unknown> | undefined;
  readonly referralMedia?:
    | { readonly kind: string; readonly type: string; readonly data: Buffer }
    | undefined;
  readonly profileName?: string | undefined;
}

/** A chat that has changed, or the recording of a number. */
export interface Change {
  readonly number: string;
  readonly waId?: string;
}

/** What stands for the servers of WhatsApp: numbers, sessions, people, messages in flight. It outlives stacks. */
export class Network {
  readonly #options: NetworkOptions;
  readonly #state: NetworkState;
  readonly #journal: Journal<Entry>;
  readonly #sessions: Sessions;
  readonly #media: PersonalMedia;
  readonly #registrar: Registrar;
  readonly #deliveries: Deliveries;
  readonly #ceiling: Ceiling;
  readonly #faults = new Map<string, NetworkFaults>();
  /** Of calls of the API. */
  readonly apiFaults: ApiFaults;
  readonly #watchers = new Set<(change: Change) => void>();
  readonly #stop = new AbortController();
  /** By how much tests have moved the clock. */
  #movedMs = 0;
  #server: RpcServer | undefined;

  private constructor(options: NetworkOptions, state: NetworkState, journal: Journal<Entry>) {
    this.#options = options;
    this.#state = state;
    this.#journal = journal;
    this.#sessions = new Sessions(state);
    this.#media = new PersonalMedia(join(options.dataFolder, 'media'));
    const { clock, logger } = options;
    this.#ceiling = new Ceiling(clock);
    this.apiFaults = new ApiFaults({ clock, random: options.random ?? Math.random });
    const record = (entry: Entry) => this.#record(entry);
    const now = () => this.now();
    this.#registrar = new Registrar({ state, record, now });
    this.#deliveries = new Deliveries({
      state,
      record,
      emit: (number, body) => this.#emit(number, body),
      limits: options.limits,
      clock,
      logger,
      now,
    });
  }

  static async start(options: NetworkOptions): Promise<Network> {
    const path = join(options.dataFolder, 'network.jsonl');
    const state = new NetworkState();
    for (const entry of await Journal.read<Entry>(path)) state.apply(entry);
    const network = new Network(options, state, await Journal.start<Entry>(path, () => [state.snapshot()]));
    network.#server = await serveRpc(networkProtocol, network.#handlers(), {
      host: options.host,
      port: options.port,
      logger: options.logger,
      onDisconnect: (peer) => {
        network.#sessions.disconnected(peer);
        network.apiFaults.detach(peer);
      },
    });
    network.#deliveries.resume();
    return network;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  get state(): NetworkState {
    return this.#state;
  }

  get media(): PersonalMedia {
    return this.#media;
  }

  /** The time that counts here: that of the machine, unless a test has moved it. */
  now(): number {
    return this.#options.clock.now() + this.#movedMs;
  }

  /** Moves this clock: windows close, certificates expire. Timers that run already are not moved. */
  advance(byMs: number): void {
    this.#movedMs += byMs;
  }

  /** Calls back whenever a chat or a recording changes. @returns what ends it */
  watch(onChange: (change: Change) => void): () => void {
    this.#watchers.add(onChange);
    return () => this.#watchers.delete(onChange);
  }

  /** Makes the way to a number bad. */
  setFaults(number: string, faults: NetworkFaults): void {
    this.#faults.set(number, faults);
  }

  /** Makes a person known, by name and manner. */
  async setPerson(
    waId: string,
    { name, behaviour }: { name?: string | undefined; behaviour: Partial<Behaviour> },
  ): Promise<void> {
    if (name !== undefined) await this.#record({ type: 'person', waId, profileName: name, at: this.now() });
    await this.#record({ type: 'behaviour', waId, behaviour });
  }

  async setTemplates(number: string, templates: TemplateEntry[]): Promise<void> {
    await this.#record({ type: 'templates', number, templates });
  }

  async setCatalog(number: string, catalog: Catalog): Promise<void> {
    await this.#record({ type: 'catalog', number, catalog });
  }

  async setLimits(number: string, limits: Partial<MessagingLimits>): Promise<void> {
    await this.#record({ type: 'limits', number, limits });
  }

  /** Begins a new recording of the callbacks of a number, or ends the one that runs. */
  async setRecording(number: string, isOn: boolean): Promise<void> {
    await this.#record({ type: 'recording', number, isOn, at: this.now() });
    for (const { peer } of this.#sessions.ofNumber(number)) peer.emit('recording', { isOn });
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

  /** A person writes to a number. @returns the message's id */
  async receiveFromPerson(input: PersonalMessage): Promise<string> {
    const { from, to, type, content, context, referral } = input;
    const id = messageId('inbound', from, randomBytes);
    const profileName = input.profileName ?? this.#state.person(from).profileName;
    const timestamp = this.#timestamp();
    const message = {
      from,
      id,
      timestamp,
      type,
      [type]: content,
      ...(context ? { context } : {}),
      ...(referral ? { referral } : {}),
    };
    const media = input.media && (await this.#kept(input.media));
    const referralMedia = input.referralMedia && {
      kind: input.referralMedia.kind,
      ...(await this.#kept(input.referralMedia)),
    };
    await this.#record({
      type: 'person',
      waId: from,
      wroteTo: to,
      message: { ...message, media: media ? [media] : [] },
      at: this.now(),
      ...(profileName ? { profileName } : {}),
    });
    await this.#emit(to, {
      kind: 'inbound',
      message,
      ...(profileName ? { profileName } : {}),
      ...(media ? { media } : {}),
      ...(referralMedia ? { referralMedia } : {}),
    });
    return id;
  }

  async #kept({ type, data }: { type: string; data: Buffer }): Promise<{ type: string; sha256: string }> {
    return { type, sha256: await this.#media.keep(data) };
  }

  #handlers(): Handlers<NetworkProtocol> {
    return {
      requestCode: (request) => this.#registrar.requestCode(request),
      register: async (request) => {
        const registered = await this.#registrar.register(request);
        // One number is one installation: whoever held it before is out.
        this.#sessions.replaceAll(request.number, 'the number was registered elsewhere');
        return registered;
      },
      reshard: async (request) => {
        const isRegistered = await this.#registrar.reshard(request);
        if (!isRegistered)
          this.#sessions.replaceAll(
            request.cc + request.phone_number,
            'a shard change came too late after registration',
          );
        return { isRegistered };
      },
      login: async (request, peer) => {
        this.#sessions.login(request, peer);
        return { isRecording: this.#state.number(request.number).recording?.isOn === true };
      },
      send: (request, peer) => this.#send(request, this.#sessions.of(peer)),
      check: async ({ number, type, content }) => {
        const { templates = [], catalog } = this.#state.number(number);
        const problem = isTemplate(type)
          ? templateProblem(content as never, templates)
          : productProblem(content as never, catalog);
        if (problem && !('isWarning' in problem && problem.isWarning))
          throw new Refusal(problem.code, problem.details);
        return {};
      },
      identity: async ({ waId }) => ({ hash: this.#identityOf(waId) }),
      markRead: async ({ id }, peer) => {
        const { number } = this.#sessions.of(peer);
        if (this.#state.isRead(number, id) === undefined) throw new Refusal(1006, `No message ${id}`);
        await this.#record({ type: 'read-by-business', number, id });
        return {};
      },
      download: async ({ sha256, offset }) => ({ base64: await this.#media.part(sha256, offset) }),
      hasMedia: async ({ sha256 }) => ({ has: await this.#media.has(sha256) }),
      upload: async ({ sha256, offset, base64, isLast }) => {
        await this.#media.takePart(sha256, offset, Buffer.from(base64, 'base64'), isLast);
        return {};
      },
      setPin: async (request) => {
        await this.#registrar.setPin(request);
        return {};
      },
      acknowledge: async ({ eventIds }, peer) => {
        const session = this.#sessions.of(peer);
        await this.#record({ type: 'acknowledged', number: session.number, eventIds });
        this.#sessions.acknowledged(session, eventIds);
        return {};
      },
      recorded: async ({ body }, peer) => {
        const { number } = this.#sessions.of(peer);
        await this.#record({ type: 'recorded', number, at: this.now(), body });
        return {};
      },
      attachWebapp: async ({ webapp }, peer) => this.apiFaults.attach(webapp, peer),
      apiFaultsSeen: async ({ revision }, peer) => {
        this.apiFaults.seen(revision, peer);
        return {};
      },
      meetApiFault: async (call) => ({ fault: this.apiFaults.meet(call) }),
    };
  }

  async #send(request: CallRequest<NetworkProtocol, 'send'>, session: Session) {
    const { clock, limits, random = Math.random } = this.#options;
    const {
      latencyMs = 0,
      cutShare = 0,
      failsWith,
      failShare = 1,
      lossShare = 0,
    } = this.#faults.get(session.number) ?? {};
    if (limits) await this.#ceiling.turn(session.number, session.shards, this.#stop.signal);
    if (latencyMs > 0) await sleep(clock, latencyMs, this.#stop.signal);
    const fate =
      random() < lossShare ? 'lost' : failsWith !== undefined && random() < failShare ? failsWith : undefined;
    const billing = await this.#deliveries.accept(session.number, request, fate);
    // Acted, and not answered.
    if (random() < cutShare) session.peer.close();
    return { billing };
  }

  async #emit(number: string, body: NetworkEvent['body']): Promise<void> {
    const event: NetworkEvent = { eventId: this.#state.nextEventId++, body };
    await this.#record({ type: 'event', number, event });
    this.#sessions.announce(number);
  }

  async #record(entry: Entry): Promise<void> {
    const change = this.#state.apply(entry);
    if (change) for (const onChange of this.#watchers) onChange(change);
    await this.#journal.append(entry);
  }
}
