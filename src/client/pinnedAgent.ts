import { createHash } from 'node:crypto';
import type { ClientRequestArgs } from 'node:http';
import { Agent, type AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';

type Connected = (error: Error | null, stream: Duplex) => void;

/**
 * Connections to a server whose certificate may have expired, if its key is a known one. With the right key the server is
 * who it was, so a new certificate can be brought to it; any other fault of the certificate ends the connection.
 */
export class PinnedAgent extends Agent {
  readonly #keyHash: string;

  /** @param keyHash SHA-256 of the public key (SPKI, DER), hexadecimal */
  constructor(keyHash: string, options: AgentOptions) {
    super(options);
    this.#keyHash = keyHash;
  }

  override createConnection(options: ClientRequestArgs, callback?: Connected): undefined {
    const done = callback as (error: Error | null, stream?: Duplex) => void;
    const socket = connect({ ...(options as ConnectionOptions), rejectUnauthorized: false });
    const fail = (error: Error) => done(error);
    const { timeout } = options;
    if (timeout !== undefined)
      socket.setTimeout(timeout, () => socket.destroy(new Error(`no connection within ${timeout} ms`)));
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      socket.off('error', fail);
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      const problem = problemOf(socket, this.#keyHash);
      if (problem === undefined) return done(null, socket);
      socket.destroy();
      done(Object.assign(new Error(problem), { code: problem }));
    });
    return undefined;
  }
}

function problemOf(socket: TLSSocket, keyHash: string): string | undefined {
  if (socket.authorized) return undefined;
  const problem = String(socket.authorizationError);
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
  const isKnown = key !== undefined && createHash('sha256').update(key).digest('hex') === keyHash;
  return problem === 'CERT_HAS_EXPIRED' && isKnown ? undefined : problem;
}
