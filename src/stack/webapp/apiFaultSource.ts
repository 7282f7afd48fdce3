import { aborted } from '../../base/aborted.ts';
import { type Clock, withDeadline } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { retryUntilDone } from '../../base/retryUntilDone.ts';
import { type ApiFault, type CallPattern, isMeant } from '../wire/apiFault.ts';
import { type NetworkProtocol, networkProtocol } from '../wire/networkProtocol.ts';
import { parseNetworkUrl } from '../wire/networkUrl.ts';
import { type EventBody, Unreachable } from '../wire/protocol.ts';
import { RpcClient } from '../wire/rpcClient.ts';

const RECONNECT_MS = 1_000;
/** A Webapp starts without the network process if that does not answer in time. */
const FIRST_WAIT_MS = 500;
/** A call without an answer about its fault within this time is served. */
const ANSWER_TIMEOUT_MS = 5_000;

export interface ApiFaultSourceOptions {
  readonly networkUrl: string;
  /** Name of this Webapp, as faults select it. */
  readonly webapp: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The faults that are set at the network's control API, as a Webapp learns of them. Only the emulator has this, and
 * no problem with it keeps the Webapp from serving calls.
 */
export class ApiFaultSource {
  readonly #options: ApiFaultSourceOptions;
  readonly #stop = new AbortController();
  #calls: readonly CallPattern[] = [];
  #client: RpcClient<NetworkProtocol> | undefined;
  readonly #running: Promise<void>;
  #onAttached = () => {};

  private constructor(options: ApiFaultSourceOptions) {
    this.#options = options;
    this.#running = this.#run(this.#stop.signal);
  }

  /** Connects to the network process, and waits a moment for the connection. */
  static async start(options: ApiFaultSourceOptions): Promise<ApiFaultSource> {
    const source = new ApiFaultSource(options);
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

  /** Whether no fault selects any call. */
  get isQuiet(): boolean {
    return this.#calls.length === 0;
  }

  async meet(method: string, path: string): Promise<ApiFault | undefined> {
    const call = { method, path, webapp: this.#options.webapp };
    if (!this.#client || !this.#calls.some((pattern) => isMeant(pattern, call))) return undefined;
    const answer = await this.#client
      .call('meetApiFault', call, this.#stop.signal, ANSWER_TIMEOUT_MS)
      .catch(() => undefined);
    return answer?.fault;
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
    const { networkUrl, webapp, clock } = this.#options;
    const closed = new AbortController();
    let latest = -1;
    const take = ({ revision, calls }: EventBody<NetworkProtocol, 'apiFaults'>) => {
      // A newer revision may arrive before the answer to attachWebapp.
      if (revision > latest) this.#calls = calls;
      latest = Math.max(latest, revision);
      client.call('apiFaultsSeen', { revision }, signal).catch(() => {});
    };
    const client: RpcClient<NetworkProtocol> = await RpcClient.connect(
      networkProtocol,
      {
        ...parseNetworkUrl(networkUrl),
        clock,
        onEvent: (name, body) => {
          if (name === 'apiFaults') take(body as EventBody<NetworkProtocol, 'apiFaults'>);
        },
        onClose: () => closed.abort(),
      },
      signal,
    );
    try {
      this.#client = client;
      take(await client.call('attachWebapp', { webapp }, signal));
      this.#onAttached();
      await aborted(AbortSignal.any([closed.signal, signal]));
      if (!signal.aborted) throw new Unreachable(networkUrl);
    } finally {
      this.#client = undefined;
      this.#calls = [];
      client.close();
    }
  }
}
