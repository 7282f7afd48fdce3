import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';

/** Forwards ports to a host until the link is cut. Then no data passes, and neither side gets an error. */
export class CuttableLink {
  readonly ports: readonly number[];
  readonly #servers: readonly Server[];
  readonly #sockets: Set<Socket>;
  readonly #state: { isCut: boolean };

  private constructor(servers: readonly Server[], sockets: Set<Socket>, state: { isCut: boolean }) {
    this.#servers = servers;
    this.#sockets = sockets;
    this.#state = state;
    this.ports = servers.map((server) => (server.address() as AddressInfo).port);
  }

  static async start(host: string, targets: readonly number[]): Promise<CuttableLink> {
    const sockets = new Set<Socket>();
    const state = { isCut: false };
    const servers = await Promise.all(
      targets.map(
        (port) =>
          new Promise<Server>((resolve) => {
            const server = createServer((incoming) => {
              const outgoing = createConnection({ host, port });
              for (const [from, to] of [
                [incoming, outgoing],
                [outgoing, incoming],
              ] as const) {
                sockets.add(from);
                from.on('data', (data) => {
                  if (!state.isCut) to.write(data);
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
