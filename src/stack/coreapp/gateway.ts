import { randomUUID } from 'node:crypto';
import { type Clock, sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { MovableClock } from '../../base/movableClock.ts';
import type { GatewayStatus } from '../../onprem/health.ts';
import { waIdByRule } from '../../onprem/waId.ts';
import type { Account } from '../store/configStore.ts';
import type { LocalWire } from '../wire/localWire.ts';
import { type NetworkEvent, type NetworkProtocol, networkProtocol } from '../wire/networkProtocol.ts';
import { parseNetworkUrl } from '../wire/networkUrl.ts';
import {
  type CallInput,
  type CallResponse,
  type EventBody,
  type EventName,
  Refusal,
} from '../wire/protocol.ts';
import { Reporter } from '../wire/reporter.ts';
import type { CallbackReport } from '../wire/reports.ts';
import { RpcClient } from '../wire/rpcClient.ts';

export interface GatewayOptions {
  readonly networkUrl: string;
  /** Set if the network is in this process. */
  readonly wire?: LocalWire | undefined;
  readonly clock: Clock;
  /** The time of the simulation, which the network moves. */
  readonly time: MovableClock;
  readonly logger: Logger;
  /** Ends with the node. */
  readonly signal: AbortSignal;
  /** Events of the network; acknowledged when the promise resolves. */
  readonly onEvents: (events: readonly NetworkEvent[]) => Promise<void>;
  readonly onConnected: () => void;
  /** Another node took over the session, and with it the callbacks that wait. */
  readonly onReplaced: () => void;
  /** A test wants everything forgotten that waits. */
  readonly onReset: () => Promise<void>;
  /** Somebody wants this callback to be posted. */
  readonly onDeliver: (callback: { key: string; payload: string }) => Promise<void>;
}

/** What a session is opened for. Another target ends the session and opens a new one. */
export interface SessionTarget {
  readonly account: Account;
  readonly shard: number;
  readonly shards: number;
  readonly epoch: number;
}

const ACKNOWLEDGE_AGAIN = { afterMs: 500, atMostMs: 30_000 } as const;
const INTERNAL_ERROR = 1014;

const targetKey = ({ account, shard, shards, epoch }: SessionTarget): string =>
  `${account.registrationKey}/${shard}/${shards}/${epoch}`;

/** The connection of a Coreapp to WhatsApp, for the shard that it owns. */
export class Gateway {
  readonly #options: GatewayOptions;
  #session: { key: string; client: RpcClient<NetworkProtocol>; loggedIn: boolean } | undefined;
  #connecting: string | undefined;
  #isRecording = false;
  /** WhatsApp ids of the numbers for which no rule tells them. */
  #aliases: ReadonlyMap<string, string> = new Map();
  /** Events that are stored and not acknowledged: one that comes again gets no second callback. */
  readonly #stored = new Map<number, NetworkEvent['body']>();
  /** Target of a session that another node took over. Only a target with a new epoch or registration may connect. */
  #lostKey: string | undefined;

  readonly #reporter: Reporter<CallbackReport>;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#reporter = new Reporter({
      clock: options.clock,
      send: (reports, skipped) =>
        this.#client().call('reportCallbacks', { reports: [...reports], skipped }, options.signal),
    });
  }

  get status(): Extract<GatewayStatus, 'connected' | 'connecting' | 'disconnected'> {
    if (this.#session?.loggedIn && !this.#session.client.closed) return 'connected';
    return this.#connecting === undefined ? 'disconnected' : 'connecting';
  }

  /** Tells the network what became of a callback, for its control API. */
  report(make: () => CallbackReport): void {
    if (this.#session?.loggedIn) this.#reporter.report(make);
  }

  /** The WhatsApp id of the person whom a number reaches. */
  waIdOf(digits: string): string {
    return this.#aliases.get(digits) ?? waIdByRule(digits);
  }

  /** What the servers know of the people behind numbers. `isCheck`: they remember that the business asked. */
  async contacts(
    numbers: string[],
    isCheck: boolean,
    signal: AbortSignal,
  ): Promise<CallResponse<NetworkProtocol, 'contacts'>['contacts']> {
    return (await this.#client().call('contacts', { numbers, isCheck }, signal)).contacts;
  }

  /** Opens, keeps or ends the session, so that it is that of `target`. Called at each tick. */
  async ensure(target: SessionTarget | undefined, signal: AbortSignal): Promise<void> {
    const key = target && targetKey(target);
    if (this.#session && (this.#session.key !== key || this.#session.client.closed)) {
      this.#session.client.close();
      this.#session = undefined;
    }
    if (!target || !key || this.#session || this.#connecting === key || this.#lostKey === key) return;
    this.#connecting = key;
    try {
      await this.#open(target, key, signal);
    } catch (error) {
      if (error instanceof Refusal) this.#lostKey = key;
      this.#options.logger.warn('cannot connect to WhatsApp', { error });
    } finally {
      if (this.#connecting === key) this.#connecting = undefined;
    }
  }

  /** @throws Refusal, Unreachable */
  async send(
    message: CallInput<NetworkProtocol, 'send'>,
    signal: AbortSignal,
  ): Promise<CallResponse<NetworkProtocol, 'send'>> {
    return this.#client().call('send', message, signal);
  }

  /** @throws Refusal 1006 for an unknown message */
  async markRead(id: string, signal: AbortSignal): Promise<void> {
    await this.#client().call('markRead', { id }, signal);
  }

  /** @throws Refusal with the code of a problem of the template, or of the products */
  async check(
    number: string,
    type: string,
    { content, ttl }: { readonly content: Record<string, unknown>; readonly ttl?: number | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#client().call('check', { number, type, content, ttl }, signal);
  }

  /** Uploads media to the servers, unless they have it. */
  async offerMedia(sha256: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    if ((await this.#client().call('hasMedia', { sha256 }, signal)).has) return;
    const upload = randomUUID();
    let offset = 0;
    let held: Uint8Array = new Uint8Array();
    const send = async (isLast: boolean) => {
      const base64 = Buffer.from(held).toString('base64');
      await this.#client().call('upload', { sha256, upload, offset, base64, isLast }, signal);
      offset += held.length;
    };
    // One chunk is held back, because the last one has to be marked.
    for await (const chunk of content) {
      if (held.length > 0) await send(false);
      held = chunk;
    }
    await send(true);
  }

  /** Reports a delivered callback to the network while a recording runs. */
  recorded(payload: string, signal: AbortSignal): void {
    if (!this.#isRecording || !this.#session?.loggedIn) return;
    this.#session.client
      .call('recorded', { body: JSON.parse(payload) }, signal)
      .catch((error: unknown) => this.#options.logger.warn('callback not recorded', { error }));
  }

  async identity(waId: string, signal: AbortSignal): Promise<string> {
    return (await this.#client().call('identity', { waId }, signal)).hash;
  }

  /** The bytes of media that a person sent. */
  async *download(sha256: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for (let offset = 0; ; ) {
      const { base64 } = await this.#client().call('download', { sha256, offset }, signal);
      const chunk = Buffer.from(base64, 'base64');
      if (chunk.length === 0) return;
      offset += chunk.length;
      yield chunk;
    }
  }

  #learn(aliases: Readonly<Record<string, string>>): void {
    this.#aliases = new Map(Object.entries(aliases));
  }

  #client(): RpcClient<NetworkProtocol> {
    if (!this.#session?.loggedIn) throw new Refusal(1018, 'not connected');
    return this.#session.client;
  }

  close(): void {
    this.#session?.client.close();
    this.#session = undefined;
  }

  async #open(target: SessionTarget, key: string, signal: AbortSignal): Promise<void> {
    const { account, shard, shards, epoch } = target;
    const client: RpcClient<NetworkProtocol> = await RpcClient.connect(
      networkProtocol,
      {
        ...parseNetworkUrl(this.#options.networkUrl),
        wire: this.#options.wire,
        clock: this.#options.clock,
        onEvent: (name, body) => {
          if (name === 'replaced') this.#lostKey = key;
          this.#on[name]?.(body as never, client);
        },
      },
      signal,
    );
    const session = { key, client, loggedIn: false };
    this.#session = session;
    const { isRecording, aliases, movedMs } = await client.call(
      'login',
      {
        number: account.cc + account.phoneNumber,
        registrationKey: account.registrationKey ?? '',
        shard,
        shards,
        epoch,
      },
      signal,
    );
    this.#isRecording = isRecording;
    this.#learn(aliases);
    this.#options.time.moveTo(movedMs);
    session.loggedIn = true;
    this.#options.logger.info('connected to WhatsApp', { shard });
    this.#options.onConnected();
  }

  /** What the node does with each event of the network. */
  readonly #on: {
    readonly [N in EventName<NetworkProtocol>]?: (
      body: EventBody<NetworkProtocol, N>,
      client: RpcClient<NetworkProtocol>,
    ) => void;
  } = {
    events: ({ events }, client) => void this.#take(client, events, this.#options.signal),
    replaced: (body, client) => {
      this.#options.logger.warn('another node took over the session', body);
      this.#options.onReplaced();
      client.close();
    },
    recording: ({ isOn }) => {
      this.#isRecording = isOn;
    },
    aliases: ({ aliases }) => this.#learn(aliases),
    clock: ({ movedMs, order }, client) => {
      this.#options.time.moveTo(movedMs);
      if (order !== undefined) void this.#obey(client, order, async () => {});
    },
    reset: ({ order }, client) =>
      void this.#obey(client, order, async () => {
        await this.#options.onReset();
        this.#reporter.forget();
      }),
    deliver: ({ order, ...callback }, client) =>
      void this.#obey(client, order, () => this.#options.onDeliver(callback)),
  };

  async #obey(client: RpcClient<NetworkProtocol>, order: number, act: () => Promise<void>): Promise<void> {
    const { logger, signal } = this.#options;
    await act()
      .then(() => client.call('obeyed', { order }, signal))
      .catch((error: unknown) => logger.warn('an order of the control API failed', { error }));
  }

  /** A network that cannot write refuses; the events are stored, so only the acknowledgement is tried again. */
  async #acknowledge(
    client: RpcClient<NetworkProtocol>,
    eventIds: number[],
    signal: AbortSignal,
  ): Promise<void> {
    for (
      let waitMs: number = ACKNOWLEDGE_AGAIN.afterMs;
      ;
      waitMs = Math.min(waitMs * 2, ACKNOWLEDGE_AGAIN.atMostMs)
    ) {
      try {
        await client.call('acknowledge', { eventIds }, signal);
        for (const eventId of eventIds) this.#stored.delete(eventId);
        return;
      } catch (error) {
        if (!(error instanceof Refusal) || error.code !== INTERNAL_ERROR || client.closed) throw error;
        this.#options.logger.debug('events not acknowledged yet', { error });
      }
      await sleep(this.#options.clock, waitMs, signal);
    }
  }

  /** A network that lost its state may give the same number to another event. */
  #isStored({ eventId, body }: NetworkEvent): boolean {
    const stored = this.#stored.get(eventId);
    return stored !== undefined && JSON.stringify(stored) === JSON.stringify(body);
  }

  async #take(
    client: RpcClient<NetworkProtocol>,
    events: readonly NetworkEvent[],
    signal: AbortSignal,
  ): Promise<void> {
    if (events.length === 0) return;
    try {
      const news = events.filter((event) => !this.#isStored(event));
      if (news.length > 0) await this.#options.onEvents(news);
      for (const { eventId, body } of news) this.#stored.set(eventId, body);
      await this.#acknowledge(
        client,
        events.map(({ eventId }) => eventId),
        signal,
      );
    } catch (error) {
      // The next session delivers the unacknowledged events again; the state of this one is unknown.
      this.#options.logger.warn('events not stored; the network sends them again', { error });
      client.close();
    }
  }
}
