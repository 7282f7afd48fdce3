import type { Socket } from 'node:net';
import { CodedError } from '../../base/codedError.ts';

/**
 * How long a connection in use may be silent before it counts as lost. A server that vanished without a word closes no
 * connection, and the kernel would send a query again for a quarter of an hour.
 */
const SILENT_MS = 60_000;

/** Watches a new connection to the database, which is in use. Its loss fails the query that waits. */
export function watchSilence(socket: Socket, silentMs = SILENT_MS): void {
  socket.on('timeout', () =>
    socket.destroy(new CodedError('ETIMEDOUT', `the database has been silent for ${silentMs / 1000} s`)),
  );
  expectAnswers(socket, silentMs);
}

/** The connection is in use. */
export function expectAnswers(socket: Socket, silentMs = SILENT_MS): void {
  socket.setTimeout(silentMs);
}

/** The connection is idle: the kernel's keep-alive looks after it. */
export function expectNothing(socket: Socket): void {
  socket.setTimeout(0);
}
