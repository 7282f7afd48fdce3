import { createServer } from 'node:net';
import { CodedError } from './codedError.ts';

/** A port that nobody listens on just now. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  return listenOnce(host, 0);
}

/** @throws CodedError `PortTaken` */
export async function requireFreePort(port: number, host = '127.0.0.1'): Promise<number> {
  try {
    return await listenOnce(host, port);
  } catch (cause) {
    throw new CodedError(
      'PortTaken',
      `port ${port} on ${host} is taken; stop what listens there or choose another port`,
      { cause },
    );
  }
}

function listenOnce(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, host, () => {
      const address = server.address();
      const chosen = typeof address === 'object' && address ? address.port : port;
      server.close(() => resolve(chosen));
    });
  });
}
