import type { Clock } from '../../base/clock.ts';
import type { CallInput, CallName, CallResponse, Protocol } from './protocol.ts';
import { Refusal, Unreachable } from './protocol.ts';
import { RpcClient, type RpcClientOptions } from './rpcClient.ts';

type ConnectionLinks = Pick<RpcClientOptions<Protocol>, 'seal' | 'wire'>;

/** Keeps one connection to each address, and opens a new one after it was lost. */
export class ConnectionPool<P extends Protocol> {
  readonly #protocol: P;
  readonly #clock: Clock;
  readonly #links: ConnectionLinks;
  readonly #clients = new Map<string, Promise<RpcClient<P>>>();

  constructor(protocol: P, clock: Clock, links: ConnectionLinks = {}) {
    this.#protocol = protocol;
    this.#clock = clock;
    this.#links = links;
  }

  /** @throws Refusal, Unreachable */
  async call<N extends CallName<P>>(
    target: { host: string; port: number },
    name: N,
    request: CallInput<P, N>,
    options: { signal: AbortSignal; timeoutMs?: number },
  ): Promise<CallResponse<P, N>> {
    const address = `${target.host}:${target.port}`;
    let client = this.#clients.get(address);
    if (!client || (await client.catch(() => undefined))?.closed !== false) {
      const { signal } = new AbortController();
      const connectTimeoutMs = options.timeoutMs === undefined ? {} : { connectTimeoutMs: options.timeoutMs };
      client = RpcClient.connect(
        this.#protocol,
        { ...target, clock: this.#clock, ...this.#links, ...connectTimeoutMs },
        signal,
      );
      this.#clients.set(address, client);
    }
    try {
      return await (await client).call(name, request, options.signal, options.timeoutMs);
    } catch (error) {
      if (!(error instanceof Refusal) && this.#clients.get(address) === client) this.#clients.delete(address);
      if (error instanceof Unreachable) void client.then((broken) => broken.close()).catch(() => {});
      throw error;
    }
  }

  close(): void {
    for (const client of this.#clients.values()) void client.then((open) => open.close()).catch(() => {});
    this.#clients.clear();
  }
}
