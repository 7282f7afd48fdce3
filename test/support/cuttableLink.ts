import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';

interface LinkState {
  isCut: boolean;
  /** Where new connections go instead. */
  movedTo?: number;
  readonly swallowed: WeakSet<Socket>;
}

export interface LinkOptions {
  /** Whether the connection breaks instead of passing this data of a client. */
  readonly breaksAt?: (data: Buffer) => boolean;
}

/** Forwards ports to a host until the link is cut. Then no data passes, and neither side gets an error. */
export class CuttableLink {
  readonly ports: readonly number[];
  readonly #servers: readonly Server[];
  readonly #sockets: Set<Socket>;
  readonly #state: LinkState;

  private constructor(servers: readonly Server[], sockets: Set<Socket>, state: LinkState) {
    this.#servers = servers;
    this.#sockets = sockets;
    this.#state = state;
    this.ports = servers.map((server) => (server.address() as AddressInfo).port);
  }

  static async start(
    host: string,
    targets: readonly number[],
    { breaksAt = () => false }: LinkOptions = {},
  ): Promise<CuttableLink> {
    const sockets = new Set<Socket>();
    const state: LinkState = { isCut: false, swallowed: new WeakSet() };
    const servers = await Promise.all(
      targets.map(
        (port) =>
          new Promise<Server>((resolve) => {
            const server = createServer((incoming) => {
              const outgoing = createConnection({ host, port: state.movedTo ?? port });
              for (const [from, to] of [
                [incoming, outgoing],
                [outgoing, incoming],
              ] as const) {
                sockets.add(from);
                from.on('data', (data) => {
                  if (from === incoming && breaksAt(data)) from.destroy();
                  else if (!state.isCut && !state.swallowed.has(from)) to.write(data);
                });
                from.on('error', () => {});
                from.on('close', () => {
                  sockets.delete(from);
                  // While the link is cut, the other side must not notice the close either.
                  if (!state.isCut) to.destroy();
                });
              }
            });
            server.listen(0, '127.0.0.1', () => resolve(server));
          }),
      ),
    );
    return new CuttableLink(servers, sockets, state);
  }

  cut(): void {
    this.#state.isCut = true;
  }

  /** Accepts no new connections; those that exist go on. */
  refuse(): void {
    for (const server of this.#servers) server.close();
  }

  /** From now on no data passes on the connections that exist, as when a server vanished. New ones work. */
  swallow(): void {
    for (const socket of this.#sockets) this.#state.swallowed.add(socket);
  }

  /** From now on new connections go to this port, as when a Service leads to another pod. Those that exist stay. */
  moveTo(port: number): void {
    this.#state.movedTo = port;
  }

  /** Restores the link. Data sent meanwhile is lost, so the old connections are closed. */
  mend(): void {
    this.#state.isCut = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
