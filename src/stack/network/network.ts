import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { Journal, MemoryJournal } from '../../base/journal.ts';
import type { Logger } from '../../base/logger.ts';
import { MovableClock } from '../../base/movableClock.ts';
import type { ApiFault } from '../wire/apiFault.ts';
import type { LocalWire } from '../wire/localWire.ts';
import { type NetworkEvent, type NetworkProtocol, networkProtocol } from '../wire/networkProtocol.ts';
import { type Peer, type RpcServer, serveRpc } from '../wire/rpcServer.ts';
import { ApiFaults } from './apiFaults.ts';
import { CallbackLog, type CallbackRecord } from './callbackLog.ts';
import type { Catalog } from './catalog.ts';
import { Deliveries } from './deliveries.ts';
import { applyEntry } from './entryEffects.ts';
import { GraphFaults } from './graphFaults.ts';
import { type GraphMode, type GraphSide, graphStatusOf, type NewChange } from './graphSide.ts';
import type { MessagingLimits } from './messagingLimits.ts';
import type { Entry } from './networkEntries.ts';
import type { NetworkFaults } from './networkFaults.ts';
import { networkHandlers } from './networkHandlers.ts';
import { NetworkState } from './networkState.ts';
import { Notices } from './notices.ts';
import { Orders } from './orders.ts';
import { People } from './people.ts';
import { PersonalMedia } from './personalMedia.ts';
import { Registrar } from './registrar.ts';
import type { RehearsalSide } from './rehearsalRecord.ts';
import { RequestLog } from './requestLog.ts';
import { Sessions } from './sessions.ts';
import { Snapshots } from './snapshots.ts';
import { Submissions } from './submissions.ts';
import type { TemplateEntry } from './templates.ts';
import { usedMedia } from './usedMedia.ts';
import { userIdOf } from './userId.ts';

export interface NetworkOptions {
  readonly host: string;
  readonly port: number;
  /** Set if the other roles are in this process. */
  readonly wire?: LocalWire;
  /** Of media, and of the journal of what happens. */
  readonly dataFolder: string;
  /** Whether what happens is forgotten with the process. */
  readonly inMemory?: boolean;
  /** Whether the documented tiers and throughput apply; off for measurements. */
  readonly limits: boolean;
  /** How numbers are shared with the Graph API; absent: there is none. */
  readonly graph?: GraphMode | undefined;
  /** Where the pages of errors are, without the code; without it failures link to the vendor's page. */
  readonly errorsUrl?: string | undefined;
  readonly clock: Clock;
  /** The time of the simulation, if other roles in this process share it. */
  readonly time?: MovableClock;
  readonly logger: Logger;
  /** For faults. */
  readonly random?: () => number;
}

/** What `snapshot` tells. */
interface Snapshot {
  readonly entries: readonly Entry[];
  readonly faults: readonly ApiFault[];
}
/** Entries that no snapshot of a test holds: what waits, and where the webhooks of the Graph API go. */
const PASSING: ReadonlySet<Entry['type']> = new Set(['event', 'graph-change', 'graph-account', 'graph-app']);

/** Called when the numbers that reach people have changed. */
interface AliasNews {
  tell: () => void;
}

const COLLECT_EVERY_MS = 10 * 60_000;

/** What stands for the servers of WhatsApp: numbers, sessions, people, messages in flight. It outlives stacks. */
export class Network {
  readonly state: NetworkState;
  readonly media: PersonalMedia;
  readonly people: People;
  /** Faults of API calls. */
  readonly apiFaults: ApiFaults;
  /** Faults of the Graph API and of its webhooks. */
  readonly graphFaults: GraphFaults;
  readonly callbacks: CallbackLog;
  readonly requests: RequestLog;
  /** What changes, for those who watch. */
  readonly notices: Notices;
  readonly snapshots = new Snapshots();
  /** The time of the simulation: that of the machine, unless a test has moved it. */
  readonly time: MovableClock;
  readonly #options: NetworkOptions;
  readonly #journal: Pick<Journal<Entry>, 'append' | 'close'>;
  readonly #sessions: Sessions;
  readonly #registrar: Registrar;
  readonly #deliveries: Deliveries;
  readonly #submissions: Submissions;
  readonly #orders: Orders;
  readonly #stop = new AbortController();
  #server: RpcServer | undefined;
  #graph: GraphSide | undefined;
  #endCollection: () => void = () => {};

  private constructor(
    options: NetworkOptions,
    {
      state,
      journal,
      notices,
      news,
    }: Pick<Network, 'state' | 'notices'> & {
      journal: Pick<Journal<Entry>, 'append' | 'close'>;
      news: AliasNews;
    },
  ) {
    news.tell = () => this.#tellAliases();
    this.#options = options;
    this.notices = notices;
    this.state = state;
    this.#journal = journal;
    const { dataFolder, limits, clock, logger, random = Math.random } = options;
    const time = options.time ?? new MovableClock(clock);
    this.time = time;
    this.#orders = new Orders(clock);
    this.callbacks = new CallbackLog(
      () => time.now(),
      (record) => notices.tell({ about: 'callback', ...record }),
    );
    this.requests = new RequestLog((record) => notices.tell({ about: 'request', ...record }));
    const common = {
      state,
      record: (...entries: Entry[]) => this.#journal.append(...entries),
      emit: (number: string, body: NetworkEvent['body'], ...together: Entry[]) =>
        this.#emit(number, body, together),
      now: () => this.now(),
    };
    this.media = new PersonalMedia(join(dataFolder, 'media'));
    this.people = new People({ ...common, media: this.media });
    this.apiFaults = new ApiFaults({ clock, random });
    this.graphFaults = new GraphFaults(random);
    this.#sessions = new Sessions(state, (number, event) => this.#drop(number, event));
    this.#registrar = new Registrar(common);
    this.#deliveries = new Deliveries({
      ...common,
      tellGraph: async (message, step, ...together) => {
        const change = this.#graph?.stageOf(message, step);
        await this.tellGraph(message.number, change, ...together);
      },
      limits,
      errorsUrl: options.errorsUrl,
      clock: time,
      logger,
    });
    const { signal } = this.#stop;
    this.#submissions = new Submissions({
      deliveries: this.#deliveries,
      limits,
      random,
      clock: time,
      signal,
    });
  }

  static async start(options: NetworkOptions): Promise<Network> {
    const path = join(options.dataFolder, 'network.jsonl');
    const state = new NetworkState();
    const notices = new Notices();
    const news: AliasNews = { tell: () => {} };
    const changes = {
      apply: (entry: Entry) => {
        const { aliasRevision } = state;
        const change = applyEntry(state, entry);
        if (aliasRevision !== state.aliasRevision) news.tell();
        if (change) notices.tell({ about: 'chat', ...change });
      },
      snapshot: () => state.snapshot(),
      logger: options.logger,
    };
    const journal = await (options.inMemory === true
      ? new MemoryJournal(changes)
      : Journal.open<Entry>(path, changes));
    const network = new Network(options, { state, journal, notices, news });
    await network.#listen();
    network.#collectMedia();
    network.#deliveries.resume();
    network.snapshots.add(network);
    return network;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  get random(): () => number {
    return this.#options.random ?? Math.random;
  }

  get graphMode(): GraphMode | undefined {
    return this.#options.graph;
  }

  /** Undefined without a Graph API. */
  get rehearsal(): RehearsalSide | undefined {
    return this.#graph?.rehearsal;
  }

  /** From now on the Graph API is told of what happens. */
  join(graph: GraphSide): void {
    this.#graph = graph;
  }

  /** Resolves when all entries are on disk and applied; otherwise none is. */
  async record(...entries: Entry[]): Promise<void> {
    await this.#journal.append(...entries);
  }

  /** Hands over a message of the Graph API. Resolves when it is on disk. */
  async submit(number: string, message: Parameters<Deliveries['accept']>[1]): Promise<void> {
    await this.#deliveries.accept(number, message);
  }

  /** The webhook of the Graph API will be told of a change, which is recorded together with these entries. */
  async tellGraph(number: string, change: NewChange | undefined, ...together: Entry[]): Promise<void> {
    const told: Entry[] = change
      ? [
          {
            type: 'graph-change',
            number,
            change: { id: this.state.nextEventId++, at: this.now(), ...change },
          },
        ]
      : [];
    await this.#journal.append(...together, ...told);
    if (change) this.#graph?.announce(number);
  }

  /** Posts a webhook of the Graph API again. `redeliveryOf`: the record that it repeats. @throws Error without a Graph API */
  async redeliverGraph(number: string, body: unknown, redeliveryOf: number): Promise<CallbackRecord> {
    if (!this.#graph) throw new Error('the Graph API is off');
    return this.#graph.post(number, body, redeliveryOf);
  }

  /** As `People.setId`; a new id is told to the numbers that the person wrote to. */
  async setUserId(waId: string, change: Parameters<People['setId']>[1]): Promise<void> {
    const before = this.state.people.get(waId);
    const formerUserId = userIdOf(waId, before);
    await this.people.setId(waId, change);
    const { userId = formerUserId } = change;
    if (userId === formerUserId || !this.#graph) return;
    for (const number of Object.keys(before?.lastWrote ?? {}))
      if (this.isOnGraph(number))
        await this.tellGraph(number, this.#graph.userIdChange(number, { waId, userId, formerUserId }));
  }

  /** Whether messages of people reach a number, by one of the APIs. */
  isReached(number: string): boolean {
    return this.state.known(number).registrationKey !== undefined || this.isOnGraph(number);
  }

  isOnGraph(number: string): boolean {
    const { graph: mode } = this.#options;
    return mode !== undefined && graphStatusOf(this.state.known(number), mode) === 'CONNECTED';
  }

  /** The number is registered elsewhere: its On-Premises installation is disconnected. */
  async endRegistration(number: string, reason: string): Promise<void> {
    if (this.state.known(number).registrationKey === undefined) return;
    await this.#journal.append({ type: 'unregistered', number });
    this.#sessions.replaceAll(number, reason);
  }

  /** Epoch ms in the simulation. */
  now(): number {
    return this.time.now();
  }

  /** Moves the time of the whole stack, timers included: windows close, delays end, builds and certificates expire. */
  async advance(byMs: number): Promise<void> {
    const movedMs = this.time.movedMs + byMs;
    this.time.moveTo(movedMs);
    await this.#orders.give([...this.#sessions.peers(), ...this.apiFaults.peers()], (peer, order) =>
      peer.emit('clock', { movedMs, order }),
    );
    this.notices.tell({ about: 'clock', movedMs });
  }

  /** All that people and tests have set and done, as a text for `restore`. */
  snapshot(): string {
    const entries = [...this.state.snapshot()].filter(({ type }) => !PASSING.has(type));
    const faults = this.apiFaults.list().faults.map(({ id: _, met: __, ...fault }) => fault);
    return JSON.stringify({ entries, faults } satisfies Snapshot);
  }

  /**
   * Brings a snapshot back, or forgets everything without one. What waits in the stack is forgotten as well;
   * registrations and the clock stay.
   */
  async restore(snapshot?: string): Promise<void> {
    const { entries, faults }: Snapshot =
      snapshot === undefined ? { entries: [], faults: [] } : JSON.parse(snapshot);
    this.#deliveries.pause();
    await this.#journal.append(
      { type: 'cleared' },
      ...entries.map((entry) =>
        entry.type === 'snapshot' ? { ...entry, keepsRegistrations: true as const } : entry,
      ),
    );
    this.#submissions.clearFaults();
    this.graphFaults.clear();
    await this.apiFaults.set(faults, this.#stop.signal);
    await this.#orders.give(this.#sessions.peers(), (peer, order) => peer.emit('reset', { order }));
    for (const { number, peer } of this.#sessions.all())
      peer.emit('recording', { isOn: this.state.known(number).recording?.isOn === true });
    this.callbacks.clear();
    this.requests.clear();
    this.#deliveries.resume();
    this.notices.tell({ about: 'reset' });
  }

  /**
   * Posts a callback to the webhook of its number, again and again as any other. `redeliveryOf`: the id of the one that
   * it repeats. @returns its record; undefined if no node of the number is connected
   */
  async deliver(number: string, payload: string, redeliveryOf?: number): Promise<CallbackRecord | undefined> {
    const [session] = this.#sessions.ofNumber(number);
    if (!session) return undefined;
    const key = `again/${randomUUID()}`;
    const record = this.callbacks.take(number, { key, payload, state: 'waiting' }, redeliveryOf);
    await this.#orders.give([session.peer], (peer, order) => peer.emit('deliver', { key, payload, order }));
    return record;
  }

  /** Makes the connection to a number slow or lossy. */
  setFaults(number: string, faults: NetworkFaults): void {
    this.#submissions.setFaults(number, faults);
  }

  /** The faults that are set between a number and the network. */
  faults(number: string): NetworkFaults {
    return this.#submissions.faults(number);
  }

  async setTemplates(number: string, templates: TemplateEntry[]): Promise<void> {
    await this.#journal.append({ type: 'templates', number, templates });
  }

  async setCatalog(number: string, catalog: Catalog): Promise<void> {
    await this.#journal.append({ type: 'catalog', number, catalog });
  }

  async setLimits(number: string, limits: Partial<MessagingLimits>): Promise<void> {
    await this.#journal.append({ type: 'limits', number, limits });
  }

  /** Starts a new recording of the callbacks of a number, or ends it. */
  async setRecording(number: string, isOn: boolean): Promise<void> {
    await this.#journal.append({ type: 'recording', number, isOn, at: this.now() });
    for (const { peer } of this.#sessions.ofNumber(number)) peer.emit('recording', { isOn });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#deliveries.stop();
    this.#endCollection();
    await this.#server?.close();
    await this.#journal.close();
  }

  async #listen(): Promise<void> {
    const { host, port, wire, logger } = this.#options;
    const handlers = networkHandlers({
      state: this.state,
      sessions: this.#sessions,
      registrar: this.#registrar,
      submissions: this.#submissions,
      people: this.people,
      media: this.media,
      apiFaults: this.apiFaults,
      callbacks: this.callbacks,
      requests: this.requests,
      orders: this.#orders,
      onRegistered: (number) => this.#leaveGraph(number),
      record: (...entries) => this.#journal.append(...entries),
      now: () => this.now(),
      movedMs: () => this.time.movedMs,
    });
    const onDisconnect = (peer: Peer<NetworkProtocol>) => {
      this.#sessions.disconnected(peer);
      this.apiFaults.detach(peer);
      this.#orders.disconnected(peer);
    };
    this.#server = await serveRpc(networkProtocol, handlers, { host, port, wire, logger, onDisconnect });
  }

  async #emit(number: string, body: NetworkEvent['body'], together: Entry[]): Promise<void> {
    const isOnPremises = body.kind === 'status' || !this.isOnGraph(number) || this.#isRegistered(number);
    const event: NetworkEvent | undefined = isOnPremises
      ? { eventId: this.state.nextEventId++, body }
      : undefined;
    const graph =
      body.kind !== 'status' && this.isOnGraph(number) ? this.#graph?.changeOf(number, body) : undefined;
    await this.tellGraph(
      number,
      graph?.change,
      ...together,
      ...(graph?.together ?? []),
      ...(event ? [{ type: 'event' as const, number, event }] : []),
    );
    if (event) this.#sessions.announce(number);
  }

  /** At the vendor a number is on one API at a time. */
  async #leaveGraph(number: string): Promise<void> {
    const { graph } = this.state.known(number);
    if (this.#options.graph === 'exclusive' && graph?.status === 'CONNECTED')
      await this.#journal.append({ type: 'graph-number', number, change: { status: 'DISCONNECTED' } });
  }

  #isRegistered(number: string): boolean {
    return this.state.known(number).registrationKey !== undefined;
  }

  #tellAliases(): void {
    const aliases = this.state.aliases();
    for (const peer of this.#sessions.peers()) peer.emit('aliases', { aliases });
  }

  #drop(number: string, { eventId }: NetworkEvent): void {
    const { logger } = this.#options;
    logger.error('an event is too large for any frame, and was dropped', { number, eventId });
    this.#journal
      .append({ type: 'acknowledged', number, eventIds: [eventId] })
      .catch((error: unknown) => logger.warn('a dropped event is still in the journal', { error }));
  }

  /** Deletes media now, and from then on every so often. */
  #collectMedia(): void {
    const { clock, logger } = this.#options;
    void this.media
      .collect(usedMedia(this.state), clock.now())
      .catch((error: unknown) => logger.warn('media could not be collected', { error }));
    this.#endCollection = clock.after(COLLECT_EVERY_MS, () => this.#collectMedia());
  }
}
