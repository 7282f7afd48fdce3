import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { z } from 'zod';
import { CodedError, describeError } from '../../base/codedError.ts';
import type { Logger } from '../../base/logger.ts';
import { FrameSocket } from './frames.ts';
import type { LineSeal } from './lineSeal.ts';
import {
  type CallName,
  type CallRequest,
  type CallResponse,
  type EventBody,
  type EventName,
  type Protocol,
  Refusal,
} from './protocol.ts';

/** One client of a server. */
export interface Peer<P extends Protocol> {
  readonly address: string;
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
  close(): Promise<void>;
}

/** Serves a protocol on a TCP port. A handler refuses with `Refusal`; anything else becomes 1014. */
export async function serveRpc<P extends Protocol>(
  protocol: P,
  handlers: Handlers<P>,
  options: {
    host: string;
    port: number;
    logger: Logger;
    /** Shuts out clients without the secret. */
    seal?: LineSeal | undefined;
    /** Called before each handler. @throws Refusal for a call that this server does not serve now */
    admit?: (call: CallName<P>) => void;
    onDisconnect?: (peer: Peer<P>) => void;
  },
): Promise<RpcServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    const closed = new AbortController();
    const frames = new FrameSocket(
      socket,
      (frame) => {
        if ('call' in frame) void answer(frame.id, frame.call, frame.body);
      },
      options.seal,
    );
    const peer: Peer<P> = {
      address: `${socket.remoteAddress}:${socket.remotePort}`,
      closed: closed.signal,
      emit: (event, body) => frames.send({ event, body }),
      close: () => void socket.destroy(),
    };
    // Errors of a socket are followed by its close.
    socket.on('error', (error) => {
      if (error instanceof CodedError)
        options.logger.warn('connection refused', { peer: peer.address, error });
    });
    socket.on('close', () => {
      sockets.delete(socket);
      closed.abort(new Error('connection closed'));
      options.onDisconnect?.(peer);
    });

    const answer = async (id: number, call: string, body: unknown) => {
      const shape = protocol.calls[call];
      const handler = (handlers as Record<string, (request: unknown, peer: Peer<P>) => Promise<unknown>>)[
        call
      ];
      try {
        if (!shape || !handler) throw new Refusal(1014, `unknown call ${call}`);
        const request = shape.request.parse(body);
        options.admit?.(call as CallName<P>);
        frames.send({ id, ok: true, body: await handler(request, peer) });
      } catch (error) {
        if (error instanceof Refusal)
          return frames.send({ id, ok: false, code: error.code, details: error.details });
        if (error instanceof z.ZodError)
          return frames.send({ id, ok: false, code: 1025, details: z.prettifyError(error) });
        options.logger.error('call failed', { call, error: describeError(error) });
        frames.send({ id, ok: false, code: 1014, details: 'internal error' });
      }
    };
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
