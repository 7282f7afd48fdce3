import { join } from 'node:path';
import { type Clock, sleep } from '../../base/clock.ts';
import { Journal, MemoryJournal } from '../../base/journal.ts';
import type { Logger } from '../../base/logger.ts';
import { PersonalMedia } from '../network/personalMedia.ts';
import { Sessions } from '../network/sessions.ts';
import type { LocalWire } from '../wire/localWire.ts';
import { type NetworkEvent, networkProtocol } from '../wire/networkProtocol.ts';
import { type RpcServer, serveRpc } from '../wire/rpcServer.ts';
import { CloudAccount } from './cloudAccount.ts';
import { cloudHandlers } from './cloudHandlers.ts';
import { CloudIntake } from './cloudIntake.ts';
import { CloudMedia } from './cloudMedia.ts';
import { CloudSecrets } from './cloudSecrets.ts';
import { CloudSender } from './cloudSender.ts';
import type { CloudSettings } from './cloudSettings.ts';
import { type CloudEntry, CloudState } from './cloudState.ts';
import { GraphClient } from './graphClient.ts';
import { keepSubscribed } from './keepSubscribed.ts';
import { startWebhookServer } from './webhookServer.ts';

export interface CloudNetworkOptions {
  readonly host: string;
  readonly port: number;
  /** Where Graph posts webhooks. */
  readonly webhook: { readonly host: string; readonly port: number };
  /** Set if the other roles are in this process. */
  readonly wire?: LocalWire;
  readonly dataFolder: string;
  /** Whether what waits is forgotten with the process. */
  readonly inMemory?: boolean;
  readonly settings: CloudSettings;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Of a number whose throughput Graph does not tell. */
const DEFAULT_THROUGHPUT = 80;
const COLLECT_EVERY_MS = 3_600_000;
const LOOK_AT_NUMBER_EVERY_MS = 30_000;

/**
 * What stands for the servers of WhatsApp when the Cloud API is behind the stack. The stack hands its messages over here, and
 * gets the statuses and the messages of people from here.
 */
export class CloudNetwork {
  readonly #options: CloudNetworkOptions;
  readonly #state: CloudState;
  readonly #journal: Pick<Journal<CloudEntry>, 'append' | 'close'>;
  readonly #graph: GraphClient;
  readonly #sender: CloudSender;
  readonly #media: CloudMedia;
  readonly #sessions: Sessions;
  readonly #stop: AbortController;
  #nextEventId: number;
  #server: RpcServer | undefined;
  #webhooks: Awaited<ReturnType<typeof startWebhookServer>> | undefined;

  private constructor(
    options: CloudNetworkOptions,
    parts: {
      state: CloudState;
      journal: Pick<Journal<CloudEntry>, 'append' | 'close'>;
      graph: GraphClient;
      throughput: number;
      stop: AbortController;
    },
  ) {
    this.#options = options;
    const { state, journal, graph, throughput, stop } = parts;
    [this.#state, this.#journal, this.#graph, this.#stop] = [state, journal, graph, stop];
    this.#nextEventId = state.nextEventId;
    const { clock, logger } = options;
    const { signal } = stop;
    const record = (...entries: CloudEntry[]) => journal.append(...entries);
    const common = { state, record, graph, clock, logger, signal };
    this.#sessions = new Sessions(state, (_, { eventId }) => {
      logger.error('an event is too large for any frame, and was dropped', { eventId });
      void record({ type: 'acknowledged', eventIds: [eventId] });
    });
    this.#media = new CloudMedia({ ...common, files: new PersonalMedia(join(options.dataFolder, 'media')) });
    this.#sender = new CloudSender({
      ...common,
      throughput,
      unknownOutcomeMs: options.settings.unknownOutcomeMs,
      event: (body, key) => this.#event(body, key),
      onEvents: () => this.#announce(),
      upload: (file, ends) => this.#media.upload(file, ends),
    });
  }

  static async start(options: CloudNetworkOptions, signal: AbortSignal): Promise<CloudNetwork> {
    const { settings, clock, logger } = options;
    const secrets = await CloudSecrets.read(settings.secrets);
    const state = new CloudState();
    const changes = {
      apply: (entry: CloudEntry) => state.apply(entry),
      snapshot: () => state.snapshot(),
      logger,
    };
    const journal = await (options.inMemory === true
      ? new MemoryJournal(changes)
      : Journal.open<CloudEntry>(join(options.dataFolder, 'cloud.jsonl'), changes));
    const graph = new GraphClient({ ...settings, accessToken: () => secrets.current.accessToken, clock });
    // A gateway that cannot reach Graph starts all the same: webhooks and the stack come first.
    const known = await graph.number(signal).catch((error: unknown) => {
      logger.warn('the Cloud API does not tell of the number', { error });
      return undefined;
    });
    const throughput = settings.throughput ?? known?.throughput ?? DEFAULT_THROUGHPUT;
    const network = new CloudNetwork(options, {
      state,
      journal,
      graph,
      throughput,
      stop: new AbortController(),
    });
    await network.#begin(secrets);
    return network;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  get webhookPort(): number {
    return this.#webhooks?.port ?? 0;
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the gateway ends'));
    await this.#webhooks?.close();
    await this.#server?.close();
    await this.#journal.close();
  }

  async #begin(secrets: CloudSecrets): Promise<void> {
    const { host, port, wire, webhook, settings, clock, logger } = this.#options;
    const { signal } = this.#stop;
    const record = (...entries: CloudEntry[]) => this.#journal.append(...entries);
    const intake = new CloudIntake({
      state: this.#state,
      record,
      event: (body, key) => this.#event(body, key),
      onEvents: () => this.#announce(),
      onMedia: (sha256) =>
        void this.#media
          .fetch(sha256)
          .catch((error: unknown) => logger.warn('media is not fetched yet', { sha256, error })),
      identity: settings.identity,
      clock,
    });
    const account = new CloudAccount({
      state: this.#state,
      record,
      graph: this.#graph,
      phoneNumberId: settings.phoneNumberId,
      onRegistered: (number) => {
        this.#sessions.replaceAll(number, 'the number was registered elsewhere');
        this.#sender.holds.release('connected');
      },
      signal,
    });
    const handlers = cloudHandlers({
      account,
      sessions: this.#sessions,
      sender: this.#sender,
      media: this.#media,
      graph: this.#graph,
      state: this.#state,
      record,
      signal,
    });
    const onDisconnect = (peer: Parameters<Sessions['disconnected']>[0]) => this.#sessions.disconnected(peer);
    this.#server = await serveRpc(networkProtocol, handlers, { host, port, wire, logger, onDisconnect });
    this.#webhooks = await startWebhookServer({
      ...webhook,
      phoneNumberId: settings.phoneNumberId,
      secrets: () => secrets.current,
      take: (values) => intake.take(values),
      logger,
    });
    this.#sender.resume();
    const onToken = () => this.#sender.holds.release('token');
    void secrets.watch({ clock, logger, onToken }, signal);
    void this.#repeat(COLLECT_EVERY_MS, () => this.#media.collect());
    void this.#repeat(LOOK_AT_NUMBER_EVERY_MS, () => this.#lookAtNumber());
    if (settings.webhookUrl !== undefined)
      void keepSubscribed(
        {
          graph: this.#graph,
          businessAccountId: settings.businessAccountId,
          url: settings.webhookUrl,
          verifyToken: () => secrets.current.verifyToken,
          clock,
          logger,
        },
        signal,
      );
  }

  /** Sending goes on once a number is connected again. */
  async #lookAtNumber(): Promise<void> {
    if (!this.#sender.holds.reasons.includes('connected')) return;
    const { status } = await this.#graph.number(this.#stop.signal);
    if (status === 'CONNECTED') this.#sender.holds.release('connected');
  }

  async #repeat(everyMs: number, act: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await sleep(clock, everyMs, signal).catch(() => {});
      if (signal.aborted) return;
      await act().catch((error: unknown) => logger.warn('a regular task failed', { error }));
    }
  }

  #event(body: NetworkEvent['body'], key: string): CloudEntry {
    return { type: 'event', key, event: { eventId: this.#nextEventId++, body } };
  }

  #announce(): void {
    this.#sessions.announce(this.#state.number);
  }
}
