import { aborted } from '../../base/aborted.ts';
import { type Clock, withDeadline } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { MovableClock } from '../../base/movableClock.ts';
import { retryUntilDone } from '../../base/retryUntilDone.ts';
import { type ApiCall, type ApiFault, type CallPattern, isMeant } from '../wire/apiFault.ts';
import type { LocalWire } from '../wire/localWire.ts';
import { type NetworkProtocol, networkProtocol } from '../wire/networkProtocol.ts';
import { parseNetworkUrl } from '../wire/networkUrl.ts';
import { type CallResponse, type EventBody, Unreachable } from '../wire/protocol.ts';
import { Reporter } from '../wire/reporter.ts';
import type { RequestReport } from '../wire/reports.ts';
import { RpcClient } from '../wire/rpcClient.ts';

const RECONNECT_MS = 1_000;
/** A Webapp starts without the network process if that does not answer in time. */
const FIRST_WAIT_MS = 500;
/** A call without an answer about its fault within this time is served. */
const ANSWER_TIMEOUT_MS = 5_000;

export interface NetworkLinkOptions {
  readonly networkUrl: string;
  /** Set if the network is in this process. */
  readonly wire?: LocalWire | undefined;
  /** Name of this Webapp, as faults select it. */
  readonly webapp: string;
  readonly clock: Clock;
  /** The time of the simulation, which the network moves. */
  readonly time: MovableClock;
  readonly logger: Logger;
}

/**
 * The connection of a Webapp to the network process and its control API: faults and the clock arrive, and the log of calls
 * leaves. Only the emulator has this, and no problem with it keeps the Webapp from serving calls.
 */
export class NetworkLink {
  readonly #options: NetworkLinkOptions;
  readonly #stop = new AbortController();
  #calls: readonly CallPattern[] = [];
  #client: RpcClient<NetworkProtocol> | undefined;
  readonly #running: Promise<void>;
  readonly #reporter: Reporter<RequestReport>;
  #onAttached = () => {};
  #backend: NetworkLink['backend'] = 'unknown';

  private constructor(options: NetworkLinkOptions) {
    this.#options = options;
    const { clock, webapp } = options;
    this.#reporter = new Reporter({
      clock,
      send: async (reports, skipped) =>
        this.#client?.call('reportRequests', { webapp, reports: [...reports], skipped }, this.#stop.signal),
    });
    this.#running = this.#run(this.#stop.signal);
  }

  /** Connects to the network process, and waits a moment for the connection. */
  static async start(options: NetworkLinkOptions): Promise<NetworkLink> {
    const source = new NetworkLink(options);
    const attached = new Promise<void>((resolve) => {
      source.#onAttached = resolve;
    });
    const { clock, networkUrl } = options;
    const patience = withDeadline(
      clock,
      source.#stop.signal,
      FIRST_WAIT_MS,
      () => new Unreachable(networkUrl),
    );
    await Promise.race([attached, aborted(patience.signal)]);
    patience.release();
    return source;
  }

  /** The Cloud API, if that is behind the stack; `unknown` until the network process was reached once. */
  get backend(): CallResponse<NetworkProtocol, 'attachWebapp'>['backend'] | 'unknown' {
    return this.#backend;
  }

  /** Whether no fault selects any call. */
  get isQuiet(): boolean {
    return this.#calls.length === 0;
  }

  /** Whether a fault of such calls depends on the message that is sent. */
  dependsOnMessage(method: string, path: string): boolean {
    const call = this.#callOf({ method, path });
    return this.#calls.some(
      ({ to, type, ...pattern }) => (to !== undefined || type !== undefined) && isMeant(pattern, call),
    );
  }

  async meet(given: Omit<ApiCall, 'webapp'>): Promise<ApiFault | undefined> {
    const call = this.#callOf(given);
    if (!this.#client || !this.#calls.some((pattern) => isMeant(pattern, call))) return undefined;
    const answer = await this.#client
      .call('meetApiFault', call, this.#stop.signal, ANSWER_TIMEOUT_MS)
      .catch(() => undefined);
    return answer?.fault;
  }

  #callOf = (call: Omit<ApiCall, 'webapp'>): ApiCall => ({ ...call, webapp: this.#options.webapp });

  /** Tells the network how a call was answered, for its control API. */
  report(make: () => RequestReport): void {
    if (this.#client) this.#reporter.report(make);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    await retryUntilDone(
      () => this.#listen(signal),
      { clock, logger, what: 'no network to hear of faults from', everyMs: RECONNECT_MS },
      signal,
    ).catch(() => {});
  }

  /** Runs until the Webapp stops. @throws Unreachable when the connection is lost */
  async #listen(signal: AbortSignal): Promise<void> {
    const { networkUrl, webapp, wire, clock, time } = this.#options;
    const closed = new AbortController();
    let latest = -1;
    const take = ({ revision, calls }: EventBody<NetworkProtocol, 'apiFaults'>) => {
      // A newer revision may arrive before the answer to attachWebapp.
      if (revision > latest) this.#calls = calls;
      latest = Math.max(latest, revision);
      client.call('apiFaultsSeen', { revision }, signal).catch(() => {});
    };
    const move = ({ movedMs, order }: EventBody<NetworkProtocol, 'clock'>) => {
      time.moveTo(movedMs);
      if (order !== undefined) client.call('obeyed', { order }, signal).catch(() => {});
    };
    const client: RpcClient<NetworkProtocol> = await RpcClient.connect(
      networkProtocol,
      {
        ...parseNetworkUrl(networkUrl),
        wire,
        clock,
        onEvent: (name, body) => {
          if (name === 'apiFaults') take(body as EventBody<NetworkProtocol, 'apiFaults'>);
          else if (name === 'clock') move(body as EventBody<NetworkProtocol, 'clock'>);
        },
        onClose: () => closed.abort(),
      },
      signal,
    );
    try {
      this.#client = client;
      const attached = await client.call('attachWebapp', { webapp }, signal);
      this.#backend = attached.backend;
      take(attached);
      move(attached);
      this.#onAttached();
      await Promise.race([aborted(closed.signal), aborted(signal)]);
      if (!signal.aborted) throw new Unreachable(networkUrl);
    } finally {
      this.#client = undefined;
      this.#calls = [];
      client.close();
    }
  }
}
