import { createServer, type Server } from 'node:net';
import * as z from 'zod';
import { CodedError, describeError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import { listen } from '../../base/ports.ts';
import { FrameSocket } from './frames.ts';
import { mismatch, parseVersions, versionsOf, WITHOUT_HANDSHAKE } from './handshake.ts';
import type { Hold, Line } from './line.ts';
import type { LineSeal } from './lineSeal.ts';
import type { LocalWire } from './localWire.ts';
import {
  type CallName,
  type CallRequest,
  type CallResponse,
  type EventBody,
  type EventName,
  type Frame,
  type Protocol,
  Refusal,
  unknownCall,
} from './protocol.ts';

/** One client of a server. */
export interface Peer<P extends Protocol> {
  readonly address: string;
  /** The version of the protocol that it speaks. */
  readonly version: number;
  /** Fires when the connection has gone. */
  readonly closed: AbortSignal;
  emit<N extends EventName<P>>(event: N, body: EventBody<P, N>): void;
  close(): void;
}

export type Handlers<P extends Protocol> = {
  readonly [N in CallName<P>]: (request: CallRequest<P, N>, peer: Peer<P>) => Promise<CallResponse<P, N>>;
};

export interface RpcServer {
  readonly port: number;
  /** Opens or closes the port. Connections that exist stay. @throws when another process has the port */
  accept(isOpen: boolean): Promise<void>;
  close(): Promise<void>;
}

export interface RpcServerOptions<P extends Protocol> {
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
  /** Whether the port stays closed until `accept`; then it can't be 0. */
  readonly startsClosed?: boolean;
  /** Shuts out clients without the secret. */
  readonly seal?: LineSeal | undefined;
  /** Serves this process alone: the port is one of this wire. */
  readonly wire?: LocalWire | undefined;
  /** Called before each handler. @throws Refusal for a call that this server does not serve now */
  readonly admit?: (call: CallName<P>) => void;
  readonly onDisconnect?: (peer: Peer<P>) => void;
}

/** Serves a protocol on a TCP port. A handler refuses with `Refusal`; any other error becomes 1014. */
export async function serveRpc<P extends Protocol>(
  protocol: P,
  handlers: Handlers<P>,
  options: RpcServerOptions<P>,
): Promise<RpcServer> {
  const { logger, seal, wire, onDisconnect } = options;
  const lines = new Set<Line>();
  const hold: Hold = (line) => {
    lines.add(line);
    const closed = new AbortController();
    let spoken = WITHOUT_HANDSHAKE;
    let problem = mismatch(protocol, spoken);
    const send = (frame: Frame) => line.send(frame);
    const peer: Peer<P> = {
      address: line.peer,
      get version() {
        return spoken.version;
      },
      closed: closed.signal,
      emit: (event, body) => send({ event, body }),
      close: () => line.close(),
    };
    return {
      onFrame: (frame) => {
        if ('hello' in frame) {
          spoken = parseVersions(frame.hello);
          problem = mismatch(protocol, spoken);
          send({ hello: versionsOf(protocol) });
        } else if ('call' in frame && problem === undefined)
          void answer({ protocol, handlers, options, peer, line }, frame);
        else if ('call' in frame) {
          logger.warn('call refused', { peer: peer.address, call: frame.call, problem });
          send({ id: frame.id, ok: false, code: 1014, details: problem });
        }
      },
      onClose: (error) => {
        if (error instanceof CodedError) logger.warn('connection refused', { peer: peer.address, error });
        lines.delete(line);
        closed.abort(new Error('connection closed'));
        onDisconnect?.(peer);
      },
    };
  };
  const endConnections = () => {
    for (const line of lines) line.close();
  };
  if (wire) return onWire(wire, options, hold, endConnections);
  const server = createServer((socket) => void new FrameSocket(socket, hold, seal));
  return openable(server, options, endConnections);
}

/** A server on a wire, whose port is closed and opened like one of TCP. */
function onWire(
  wire: LocalWire,
  { port, startsClosed = false }: { port: number; startsClosed?: boolean },
  hold: Hold,
  endConnections: () => void,
): RpcServer {
  const open = () => wire.serve(port, hold);
  let close = startsClosed ? () => {} : open();
  return {
    port,
    accept: async (shallOpen) => {
      close();
      if (shallOpen) close = open();
    },
    close: async () => {
      close();
      endConnections();
    },
  };
}

/** A server whose port can be closed and opened again while its connections stay. */
async function openable(
  server: Server,
  { host, port: wanted, startsClosed = false }: { host: string; port: number; startsClosed?: boolean },
  endConnections: () => void,
): Promise<RpcServer> {
  let isOpen = !startsClosed;
  const port = isOpen ? await listen(server, { host, port: wanted }) : wanted;
  return {
    port,
    accept: async (shallOpen) => {
      const wasOpen = isOpen;
      isOpen = shallOpen;
      if (!shallOpen) return void server.close();
      if (wasOpen) return;
      try {
        await listen(server, { host, port });
      } catch (error) {
        isOpen = false;
        throw error;
      }
      // It may have been closed again while the address was looked up.
      if (!isOpen) server.close();
    },
    close: () =>
      new Promise((resolve) => {
        isOpen = false;
        server.close(() => resolve());
        endConnections();
      }),
  };
}

type AnyHandler<P extends Protocol> = (request: unknown, peer: Peer<P>) => Promise<unknown>;

async function answer<P extends Protocol>(
  {
    protocol,
    handlers,
    options: { admit, logger },
    peer,
    line,
  }: {
    protocol: P;
    handlers: Handlers<P>;
    options: RpcServerOptions<P>;
    peer: Peer<P>;
    line: Line;
  },
  { id, call, body }: { readonly id: number; readonly call: string; readonly body: unknown },
): Promise<void> {
  const shape = protocol.calls[call];
  const handler = (handlers as Record<string, AnyHandler<P>>)[call];
  try {
    if (!shape || !handler) throw new Refusal(1014, unknownCall(call));
    const request = line.isLocal ? body : shape.request.parse(body);
    admit?.(call as CallName<P>);
    line.send({ id, ok: true, body: await handler(request, peer) });
  } catch (error) {
    if (error instanceof Refusal)
      return line.send({ id, ok: false, code: error.code, details: error.details });
    if (error instanceof z.ZodError)
      return line.send({ id, ok: false, code: 1025, details: z.prettifyError(error) });
    logger.error('call failed', { call, error: describeError(error) });
    line.send({ id, ok: false, code: 1014, details: 'internal error' });
  }
}
