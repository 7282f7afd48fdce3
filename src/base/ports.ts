import { createServer, type Server } from 'node:net';
import { CodedError } from './codedError.ts';

/** A port that is free at this moment. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  return probePort(host, 0);
}

/** @throws CodedError `PortTaken` */
export async function requireFreePort(port: number, host = '127.0.0.1'): Promise<number> {
  try {
    return await probePort(host, port);
  } catch (cause) {
    throw new CodedError(
      'PortTaken',
      `port ${port} on ${host} is in use; stop the program that listens there, or choose another port`,
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
    server.once('error', reject);
    server.listen({ port: at.port, host: at.host }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : at.port);
    });
  });
}
