import { type Clock, sleep } from '../base/clock.ts';
import type { BackupServer } from './backupServer.ts';

const TRY_AGAIN_MS = 500;
const REFUSED_AT_MOST_MS = 10_000;

/**
 * The server, once it no longer refuses connections, for 10 s at most. Network plugins learn the address of a new pod after
 * it has started, and until then a NetworkPolicy that lets the pod through refuses it.
 * @throws what the server answers with; then it is closed
 */
export async function answeringServer<S extends Pick<BackupServer, 'version' | 'close'>>(
  server: S,
  clock: Clock,
  signal: AbortSignal,
): Promise<S> {
  const deadline = clock.monotonic() + REFUSED_AT_MOST_MS;
  for (;;) {
    try {
      await server.version();
      return server;
    } catch (error) {
      if (!isRefused(error) || clock.monotonic() > deadline) {
        await server.close();
        throw error;
      }
    }
    await sleep(clock, TRY_AGAIN_MS, signal);
  }
}

function isRefused(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === 'ECONNREFUSED') || isRefused(error.cause);
}
