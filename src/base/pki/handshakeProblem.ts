import { duplexPair } from 'node:stream';
import { connect, createSecureContext, TLSSocket } from 'node:tls';
import { aborted } from '../aborted.ts';
import { type Clock, withDeadline } from '../clock.ts';

/** A handshake within this process takes milliseconds. */
const PATIENCE_MS = 5_000;

/**
 * Why no client could connect to a server with this certificate: OpenSSL refuses the key, or client and server find no
 * cipher for its kind. Undefined when a handshake between the two ends well. The chain of trust is not checked.
 */
export async function handshakeProblem(
  parts: { readonly key: string; readonly cert: string },
  clock: Clock,
  signal: AbortSignal,
): Promise<string | undefined> {
  const deadline = withDeadline(clock, signal, PATIENCE_MS, () => new Error('the handshake does not end'));
  const [near, far] = duplexPair();
  try {
    const server = new TLSSocket(far, { isServer: true, secureContext: createSecureContext(parts) });
    const client = connect({ socket: near, rejectUnauthorized: false });
    const ended = new Promise<undefined>((resolve, reject) => {
      client.once('secureConnect', () => resolve(undefined));
      for (const side of [client, server]) side.on('error', reject);
    });
    const late = aborted(deadline.signal).then(() => Promise.reject(deadline.signal.reason));
    await Promise.race([ended, late]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    near.destroy();
    far.destroy();
    deadline.release();
  }
}
