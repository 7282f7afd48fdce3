import type { Clock } from '../../base/clock.ts';
import type { CallInput, CallName, CallResponse, Protocol } from './protocol.ts';
import { Refusal, Unreachable } from './protocol.ts';
import { RpcClient, type RpcClientOptions } from './rpcClient.ts';

type ConnectionLinks = Pick<RpcClientOptions<Protocol>, 'seal' | 'wire'>;

interface Connection<P extends Protocol> {
  readonly connecting: Promise<RpcClient<P>>;
  /** Once it is there: a call that waits for a promise that has resolved still waits for a turn. */
  client?: RpcClient<P>;
}

/** Keeps one connection to each address, and opens a new one after it was lost. */
export class ConnectionPool<P extends Protocol> {
  readonly #protocol: P;
  readonly #clock: Clock;
  readonly #links: ConnectionLinks;
  readonly #connections = new Map<string, Connection<P>>();

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
    const known = this.#connections.get(address);
    const isThere = known !== undefined && (known.client ? !known.client.closed : await opens(known));
    const connection = isThere ? known : this.#connect(address, target, options.timeoutMs);
    try {
      const client = connection.client ?? (await connection.connecting);
      connection.client = client;
      return await client.call(name, request, options.signal, options.timeoutMs);
    } catch (error) {
      if (!(error instanceof Refusal) && this.#connections.get(address) === connection)
        this.#connections.delete(address);
      if (error instanceof Unreachable)
        void connection.connecting.then((broken) => broken.close()).catch(() => {});
      throw error;
    }
  }

  close(): void {
    for (const { connecting } of this.#connections.values())
      void connecting.then((open) => open.close()).catch(() => {});
    this.#connections.clear();
  }

  #connect(
    address: string,
    target: { host: string; port: number },
    connectTimeoutMs?: number,
  ): Connection<P> {
    const { signal } = new AbortController();
    const options = {
      ...target,
      clock: this.#clock,
      ...this.#links,
      ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
    };
    const connection = { connecting: RpcClient.connect(this.#protocol, options, signal) };
    this.#connections.set(address, connection);
    return connection;
  }
}

/** Whoever needs a connection that is on its way waits for it. */
const opens = <P extends Protocol>({ connecting }: Connection<P>): Promise<boolean> =>
  connecting.then(
    ({ closed }) => !closed,
    () => false,
  );
