import { createServer, type Server } from 'node:net';
import { CodedError } from './codedError.ts';

/** Ports that this process has handed out. Their users may bind them much later. */
const given = new Set<number>();

/** A port that is free at this moment. A process gets each port once. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  let port: number;
  do port = await probePort(host, 0);
  while (given.has(port));
  given.add(port);
  return port;
}

/** @param flag names the option that chooses another port. @throws CodedError `PortTaken` */
export async function requireFreePort(port: number, host = '127.0.0.1', flag?: string): Promise<number> {
  try {
    return await probePort(host, port);
  } catch (cause) {
    throw new CodedError(
      'PortTaken',
      `port ${port} on ${host} is in use; stop the program that listens there, or choose another port${flag ? ` with ${flag}` : ''}`,
      { cause },
    );
  }
}

async function probePort(host: string, port: number): Promise<number> {
  const server = createServer();
  const chosen = await listen(server, { host, port });
  return new Promise((resolve) => server.close(() => resolve(chosen)));
}

/** Resolves with the port when the server listens; port 0 takes any free one. Rejects when it cannot listen. */
export function listen(server: Server, at: { host?: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    // A server may listen more than once: neither outcome leaves the listener of the other behind.
    const onListening = () => {
      server.off('error', onError);
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : at.port);
    };
    const onError = (error: Error) => {
      server.off('listening', onListening);
      reject(error);
    };
    server.once('listening', onListening).once('error', onError);
    server.listen({ port: at.port, host: at.host });
  });
}
