import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { GatewayStatus } from '../../onprem/health.ts';
import type { Account } from '../store/configStore.ts';
import { type NetworkEvent, type NetworkProtocol, networkProtocol } from '../wire/networkProtocol.ts';
import { parseNetworkUrl } from '../wire/networkUrl.ts';
import { type CallInput, type CallResponse, Refusal } from '../wire/protocol.ts';
import { RpcClient } from '../wire/rpcClient.ts';

export interface GatewayOptions {
  readonly networkUrl: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Events of the network; acknowledged when the promise resolves. */
  readonly onEvents: (events: readonly NetworkEvent[]) => Promise<void>;
  readonly onConnected: () => void;
  /** Another node took over the session, and with it the callbacks that wait. */
  readonly onReplaced: () => void;
}

/** What a session is opened for. Another target ends the session and opens a new one. */
export interface SessionTarget {
  readonly account: Account;
  readonly shard: number;
  readonly shards: number;
  readonly epoch: number;
}

const targetKey = ({ account, shard, shards, epoch }: SessionTarget): string =>
  `${account.registrationKey}/${shard}/${shards}/${epoch}`;

/** The connection of a Coreapp to WhatsApp, for the shard that it owns. */
export class Gateway {
  readonly #options: GatewayOptions;
  #session: { key: string; client: RpcClient<NetworkProtocol>; loggedIn: boolean } | undefined;
  #connecting: string | undefined;
  #isRecording = false;
  /** Target of a session that another node took over. Only a target with a new epoch or registration may connect. */
  #lostKey: string | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  get status(): Extract<GatewayStatus, 'connected' | 'connecting' | 'disconnected'> {
    if (this.#session?.loggedIn && !this.#session.client.closed) return 'connected';
    return this.#connecting === undefined ? 'disconnected' : 'connecting';
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
    content: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#client().call('check', { number, type, content }, signal);
  }

  /** Uploads media to the servers, unless they have it. */
  async offerMedia(sha256: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    if ((await this.#client().call('hasMedia', { sha256 }, signal)).has) return;
    let offset = 0;
    let held: Uint8Array = new Uint8Array();
    const send = async (isLast: boolean) => {
      const base64 = Buffer.from(held).toString('base64');
      await this.#client().call('upload', { sha256, offset, base64, isLast }, signal);
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
        clock: this.#options.clock,
        onEvent: (name, body) => {
          if (name === 'replaced') {
            this.#lostKey = key;
            this.#options.logger.warn('another node took over the session', body as { reason: string });
            this.#options.onReplaced();
            client.close();
          } else if (name === 'recording') this.#isRecording = (body as { isOn: boolean }).isOn;
          else void this.#take(client, (body as { events: NetworkEvent[] }).events, signal);
        },
      },
      signal,
    );
    const session = { key, client, loggedIn: false };
    this.#session = session;
    const { isRecording } = await client.call(
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
    session.loggedIn = true;
    this.#options.logger.info('connected to WhatsApp', { shard });
    this.#options.onConnected();
  }

  async #take(
    client: RpcClient<NetworkProtocol>,
    events: readonly NetworkEvent[],
    signal: AbortSignal,
  ): Promise<void> {
    if (events.length === 0) return;
    try {
      await this.#options.onEvents(events);
      await client.call('acknowledge', { eventIds: events.map(({ eventId }) => eventId) }, signal);
    } catch (error) {
      // The next session delivers the unacknowledged events again; the state of this one is unknown.
      this.#options.logger.warn('events not stored; the network sends them again', { error });
      client.close();
    }
  }
}
