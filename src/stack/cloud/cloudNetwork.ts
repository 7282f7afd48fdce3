import { join } from 'node:path';
import { type Clock, sleep } from '../../base/clock.ts';
import { Journal, MemoryJournal } from '../../base/journal.ts';
import type { Logger } from '../../base/logger.ts';
import { retryUntilDone } from '../../base/retryUntilDone.ts';
import { PersonalMedia } from '../network/personalMedia.ts';
import { Sessions } from '../network/sessions.ts';
import type { LocalWire } from '../wire/localWire.ts';
import { type NetworkEvent, networkProtocol } from '../wire/networkProtocol.ts';
import { serveRpc } from '../wire/rpcServer.ts';
import { CloudAccount } from './cloudAccount.ts';
import { cloudHandlers } from './cloudHandlers.ts';
import { CloudIntake } from './cloudIntake.ts';
import { CloudMedia } from './cloudMedia.ts';
import { CloudMetrics } from './cloudMetrics.ts';
import { CloudProfile } from './cloudProfile.ts';
import { CloudSecrets, readSecret } from './cloudSecrets.ts';
import { CloudSender } from './cloudSender.ts';
import type { CloudSettings } from './cloudSettings.ts';
import { type CloudEntry, CloudState } from './cloudState.ts';
import { gatewayReport } from './gatewayReport.ts';
import { startGatewayServer } from './gatewayServer.ts';
import { GraphClient, type NumberBackup } from './graphClient.ts';
import { HttpGraphTransport } from './graphTransport.ts';
import { GraphWatch } from './graphWatch.ts';
import { GraphWebhooks } from './graphWebhooks.ts';
import { lookAtNumber } from './numberWatch.ts';
import { Subscription } from './subscription.ts';
import { startWebhookServer } from './webhookServer.ts';

export interface CloudNetworkOptions {
  readonly host: string;
  readonly port: number;
  /** Where Graph posts webhooks. */
  readonly webhook: { readonly host: string; readonly port: number };
  /** The control port; without it nobody is told how the gateway is. */
  readonly control?: { readonly host: string; readonly port: number };
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
const ASK_FOR_IDENTITIES_MS = 600_000;
const LOOK_AT_NUMBER_EVERY_MS = 30_000;

/**
 * What stands for the servers of WhatsApp when the Cloud API is behind the stack. The stack hands its messages over here, and
 * gets the statuses and the messages of people from here.
 */
export class CloudNetwork {
  readonly #options: CloudNetworkOptions;
  readonly #state: CloudState;
  readonly #journal: Pick<Journal<CloudEntry>, 'append' | 'close'>;
  readonly #secrets: CloudSecrets;
  readonly #stop = new AbortController();
  readonly #metrics = new CloudMetrics();
  readonly #watch: GraphWatch;
  readonly #transport = new HttpGraphTransport();
  readonly #graph: GraphClient;
  readonly #sessions: Sessions;
  readonly #media: CloudMedia;
  readonly #sender: CloudSender;
  readonly #subscription: Subscription;
  readonly #closers: (() => Promise<void>)[] = [];
  #nextEventId: number;
  #ports = { sessions: 0, webhook: 0, control: 0 };

  private constructor(
    options: CloudNetworkOptions,
    state: CloudState,
    journal: Pick<Journal<CloudEntry>, 'append' | 'close'>,
    secrets: CloudSecrets,
  ) {
    this.#options = options;
    [this.#state, this.#journal, this.#secrets] = [state, journal, secrets];
    this.#nextEventId = state.nextEventId;
    const { settings, clock, logger } = options;
    const { signal } = this.#stop;
    this.#watch = new GraphWatch(() => clock.now());
    this.#graph = new GraphClient({
      ...settings,
      accessToken: () => secrets.current.accessToken,
      transport: this.#transport.call,
      onCall: (call) => {
        this.#watch.heard(call);
        this.#metrics.called(call.outcome);
      },
      clock,
    });
    this.#sessions = new Sessions(state, (_, { eventId }) => {
      logger.error('an event is too large for any frame, and was dropped', { eventId });
      void this.#record({ type: 'acknowledged', eventIds: [eventId] });
    });
    const common = { state, record: this.#record, graph: this.#graph, clock, logger, signal };
    this.#media = new CloudMedia({ ...common, files: new PersonalMedia(join(options.dataFolder, 'media')) });
    this.#sender = new CloudSender({
      ...common,
      throughput: settings.throughput ?? DEFAULT_THROUGHPUT,
      unknownOutcomeMs: settings.unknownOutcomeMs,
      metrics: this.#metrics,
      event: this.#event,
      onEvents: this.#announce,
      onAliases: () => {
        const aliases = Object.fromEntries(state.aliases);
        for (const peer of this.#sessions.peers()) peer.emit('aliases', { aliases });
      },
      upload: (file, ends) => this.#media.upload(file, ends),
    });
    this.#subscription = new Subscription({
      webhooks: new GraphWebhooks({ ...settings, graph: this.#graph }),
      url: settings.webhookUrl,
      verifyToken: () => secrets.current.verifyToken,
      ...{ clock, logger, signal },
    });
  }

  static async start(options: CloudNetworkOptions, signal: AbortSignal): Promise<CloudNetwork> {
    const { settings, logger } = options;
    const secrets = await CloudSecrets.read({ ...settings.secrets, controlToken: settings.controlToken });
    const state = new CloudState();
    const changes = {
      apply: (entry: CloudEntry) => state.apply(entry),
      snapshot: () => state.snapshot(),
      logger,
    };
    const journal = await (options.inMemory === true
      ? new MemoryJournal(changes)
      : Journal.open<CloudEntry>(join(options.dataFolder, 'cloud.jsonl'), changes));
    const network = new CloudNetwork(options, state, journal, secrets);
    // A gateway that cannot reach Graph starts all the same: webhooks and the stack come first.
    await network
      .#lookAtNumber(signal)
      .catch((error: unknown) => logger.warn('the Cloud API does not tell of the number', { error }));
    await network.#begin();
    return network;
  }

  get port(): number {
    return this.#ports.sessions;
  }

  get webhookPort(): number {
    return this.#ports.webhook;
  }

  /** 0 without a control port. */
  get controlPort(): number {
    return this.#ports.control;
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the gateway ends'));
    for (const close of this.#closers.splice(0).reverse()) await close();
    this.#transport.close();
    await this.#journal.close();
  }

  async #begin(): Promise<void> {
    const { host, port, wire, webhook, control, settings, clock, logger } = this.#options;
    const { signal } = this.#stop;
    const intake = new CloudIntake({
      state: this.#state,
      record: this.#record,
      event: this.#event,
      onEvents: this.#announce,
      onAccepted: (message) => this.#sender.enqueue(message),
      contactRequest: settings.contactRequest,
      onMedia: (sha256) =>
        void this.#media
          .fetch(sha256)
          .catch((error: unknown) => logger.warn('media is not fetched yet', { sha256, error })),
      identity: settings.identity,
      metrics: this.#metrics,
      clock,
    });
    const onDisconnect = (peer: Parameters<Sessions['disconnected']>[0]) => this.#sessions.disconnected(peer);
    const sessions = await serveRpc(networkProtocol, this.#handlers(), {
      ...{ host, port, wire, logger, onDisconnect },
    });
    this.#closers.push(() => sessions.close());
    const webhooks = await startWebhookServer({
      ...webhook,
      phoneNumberId: settings.phoneNumberId,
      secrets: () => this.#secrets.current,
      take: (values) => intake.take(values),
      logger,
    });
    this.#closers.push(() => webhooks.close());
    const controlPort = control ? await this.#serveControl(control) : 0;
    this.#ports = { sessions: sessions.port, webhook: webhooks.port, control: controlPort };
    this.#sender.resume();
    const onToken = () => {
      this.#watch.tokenChanged();
      this.#sender.holds.release('token');
      this.#lookAtNumber(signal).catch(() => {});
    };
    void this.#secrets.watch({ clock, logger, onToken }, signal);
    void this.#repeat(COLLECT_EVERY_MS, () => this.#media.collect());
    void this.#repeat(LOOK_AT_NUMBER_EVERY_MS, () => this.#lookAtNumber(signal));
    this.#subscription.keep();
    const tellIdentities = { clock, logger, what: 'identities are not told', everyMs: ASK_FOR_IDENTITIES_MS };
    retryUntilDone(() => this.#graph.tellIdentities(signal), tellIdentities, signal).catch(() => {});
  }

  #handlers() {
    const common = {
      state: this.#state,
      record: this.#record,
      graph: this.#graph,
      signal: this.#stop.signal,
    };
    const account = new CloudAccount({
      ...common,
      phoneNumberId: this.#options.settings.phoneNumberId,
      backup: backupOf(this.#options.settings),
      onRegistered: (number) => {
        this.#sessions.replaceAll(number, 'the number was registered elsewhere');
        this.#sender.holds.release('connected');
      },
    });
    return cloudHandlers({
      ...common,
      account,
      graphVersion: this.#options.settings.graphVersion,
      sessions: this.#sessions,
      sender: this.#sender,
      media: this.#media,
      profile: new CloudProfile({ ...common, logger: this.#options.logger }),
    });
  }

  async #serveControl({ host, port }: { readonly host: string; readonly port: number }): Promise<number> {
    const server = await startGatewayServer({
      ...{ host, port },
      token: () => this.#secrets.current.controlToken,
      status: () =>
        gatewayReport({
          graphVersion: this.#options.settings.graphVersion,
          watch: this.#watch,
          subscription: this.#subscription,
          sender: this.#sender,
          state: this.#state,
        }),
      metrics: () => this.#metrics.registry.metrics(),
      unsubscribe: () => this.#subscription.remove(),
      logger: this.#options.logger,
    });
    this.#closers.push(() => server.close());
    return server.port;
  }

  #lookAtNumber(signal: AbortSignal): Promise<void> {
    const { settings, logger } = this.#options;
    const { businessAccountId, throughput } = settings;
    const [graph, watch, sender, state] = [this.#graph, this.#watch, this.#sender, this.#state];
    return lookAtNumber({ graph, watch, sender, state, businessAccountId, throughput, logger }, signal);
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

  readonly #record = (...entries: CloudEntry[]): Promise<void> => this.#journal.append(...entries);

  readonly #event = (body: NetworkEvent['body'], key: string): CloudEntry => ({
    type: 'event',
    key,
    event: { eventId: this.#nextEventId++, body },
  });

  readonly #announce = (): void => this.#sessions.announce(this.#state.number);
}

function backupOf({ backup }: CloudSettings): (() => Promise<NumberBackup>) | undefined {
  return (
    backup &&
    (async () => ({ data: await readSecret(backup.data), password: await readSecret(backup.password) }))
  );
}
