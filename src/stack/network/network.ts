import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { type NetworkEvent, type NetworkProtocol, networkProtocol } from '../wire/networkProtocol.ts';
import { type Peer, type RpcServer, serveRpc } from '../wire/rpcServer.ts';
import { ApiFaults } from './apiFaults.ts';
import type { Catalog } from './catalog.ts';
import { Deliveries } from './deliveries.ts';
import { applyEntry, type Change } from './entryEffects.ts';
import { Journal } from './journal.ts';
import type { MessagingLimits } from './messagingLimits.ts';
import type { Entry } from './networkEntries.ts';
import type { NetworkFaults } from './networkFaults.ts';
import { networkHandlers } from './networkHandlers.ts';
import { NetworkState } from './networkState.ts';
import { People } from './people.ts';
import { PersonalMedia } from './personalMedia.ts';
import { Registrar } from './registrar.ts';
import { Sessions } from './sessions.ts';
import { Submissions } from './submissions.ts';
import type { TemplateEntry } from './templates.ts';

export interface NetworkOptions {
  readonly host: string;
  readonly port: number;
  readonly dataFolder: string;
  /** Whether the documented tiers and throughput apply; off for measurements. */
  readonly limits: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For faults. */
  readonly random?: () => number;
}

/** What stands for the servers of WhatsApp: numbers, sessions, people, messages in flight. It outlives stacks. */
export class Network {
  readonly state: NetworkState;
  readonly media: PersonalMedia;
  readonly people: People;
  /** Faults of API calls. */
  readonly apiFaults: ApiFaults;
  readonly #options: NetworkOptions;
  readonly #journal: Journal<Entry>;
  readonly #sessions: Sessions;
  readonly #registrar: Registrar;
  readonly #deliveries: Deliveries;
  readonly #submissions: Submissions;
  readonly #watchers = new Set<(change: Change) => void>();
  readonly #stop = new AbortController();
  /** By how much tests have moved the clock. */
  #movedMs = 0;
  #server: RpcServer | undefined;

  private constructor(options: NetworkOptions, state: NetworkState, journal: Journal<Entry>) {
    this.#options = options;
    this.state = state;
    this.#journal = journal;
    const { dataFolder, limits, clock, logger, random = Math.random } = options;
    const common = {
      state,
      record: (entry: Entry) => this.#record(entry),
      emit: (number: string, body: NetworkEvent['body']) => this.#emit(number, body),
      now: () => this.now(),
    };
    this.media = new PersonalMedia(join(dataFolder, 'media'));
    this.people = new People({ ...common, media: this.media });
    this.apiFaults = new ApiFaults({ clock, random });
    this.#sessions = new Sessions(state);
    this.#registrar = new Registrar(common);
    this.#deliveries = new Deliveries({ ...common, limits, clock, logger });
    const { signal } = this.#stop;
    this.#submissions = new Submissions({ deliveries: this.#deliveries, limits, random, clock, signal });
  }

  static async start(options: NetworkOptions): Promise<Network> {
    const path = join(options.dataFolder, 'network.jsonl');
    const state = new NetworkState();
    for (const entry of await Journal.read<Entry>(path)) applyEntry(state, entry);
    const network = new Network(options, state, await Journal.start<Entry>(path, () => [state.snapshot()]));
    await network.#listen();
    network.#deliveries.resume();
    return network;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  /** The time of the network: that of the machine, unless a test has moved it. */
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

  /** Makes the connection to a number slow or lossy. */
  setFaults(number: string, faults: NetworkFaults): void {
    this.#submissions.setFaults(number, faults);
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

  /** Starts a new recording of the callbacks of a number, or ends it. */
  async setRecording(number: string, isOn: boolean): Promise<void> {
    await this.#record({ type: 'recording', number, isOn, at: this.now() });
    for (const { peer } of this.#sessions.ofNumber(number)) peer.emit('recording', { isOn });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#deliveries.stop();
    await this.#server?.close();
    await this.#journal.close();
  }

  async #listen(): Promise<void> {
    const { host, port, logger } = this.#options;
    const handlers = networkHandlers({
      state: this.state,
      sessions: this.#sessions,
      registrar: this.#registrar,
      submissions: this.#submissions,
      people: this.people,
      media: this.media,
      apiFaults: this.apiFaults,
      record: (entry) => this.#record(entry),
      now: () => this.now(),
    });
    const onDisconnect = (peer: Peer<NetworkProtocol>) => {
      this.#sessions.disconnected(peer);
      this.apiFaults.detach(peer);
    };
    this.#server = await serveRpc(networkProtocol, handlers, { host, port, logger, onDisconnect });
  }

  async #emit(number: string, body: NetworkEvent['body']): Promise<void> {
    const event: NetworkEvent = { eventId: this.state.nextEventId++, body };
    await this.#record({ type: 'event', number, event });
    this.#sessions.announce(number);
  }

  async #record(entry: Entry): Promise<void> {
    const change = applyEntry(this.state, entry);
    if (change) for (const onChange of this.#watchers) onChange(change);
    await this.#journal.append(entry);
  }
}
