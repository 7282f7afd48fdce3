import { setMaxListeners } from 'node:events';
import { type IncomingMessage, type Agent as PlainAgent, request as plainRequest } from 'node:http';
import { type Agent, type RequestOptions, request } from 'node:https';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { identityProblem } from './identityProblem.ts';

interface HttpsRequest
  extends Pick<
    RequestOptions,
    'method' | 'headers' | 'ca' | 'servername' | 'rejectUnauthorized' | 'checkServerIdentity'
  > {
  /** Where to send the request: a URL, or its parts. Only a URL may ask for plain HTTP. */
  readonly to: string | { readonly host: string; readonly port: number; readonly path: string };
  /** For plain HTTP, one of `node:http`. */
  readonly agent?: Agent | PlainAgent | undefined;
  /** Bytes that are sent as they come, or a text. */
  readonly body?: string | Buffer | AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined;
  /** The request fails when the connection is silent for this long. */
  readonly timeoutMs: number;
  /** Called once bytes of the request may have left: the connection is there, and the server's certificate is accepted. */
  readonly onConnected?: (() => void) | undefined;
}

/**
 * Sends one HTTPS request. Resolves with the response as soon as its headers are there; the caller reads, discards or
 * destroys its body. @throws the reason of the signal; the error of the connection; an Error after `timeoutMs`
 */
export function openHttps(
  { to, body, timeoutMs, agent, onConnected, ...rest }: HttpsRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    let isAnswered = false;
    const answer = (response: IncomingMessage) => {
      isAnswered = true;
      resolve(response);
    };
    const options: RequestOptions = {
      checkServerIdentity: identityProblem,
      ...rest,
      timeout: timeoutMs,
      ...(agent ? { agent } : {}),
    };
    const outgoing =
      typeof to === 'string'
        ? (to.startsWith('http:') ? plainRequest : request)(to, options, answer)
        : request({ ...options, ...to }, answer);
    // Requests at the same time share one signal; each removes its listener again.
    setMaxListeners(0, signal);
    const fail = (error: unknown) => reject(signal.aborted ? signal.reason : error);
    const onAbort = () => outgoing.destroy(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    outgoing.on('close', () => {
      signal.removeEventListener('abort', onAbort);
      // An error is not made for nothing: its stack costs more than the rest.
      if (!isAnswered) fail(new Error('the connection was closed without an answer'));
    });
    // Without a listener node destroys the connection, and tells nobody.
    outgoing.on('upgrade', (response, socket) => {
      socket.destroy();
      fail(new Error(`HTTP ${response.statusCode}`));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    if (onConnected)
      outgoing.on('socket', (socket) =>
        isOpening(socket)
          ? socket.once('encrypted' in socket ? 'secureConnect' : 'connect', onConnected)
          : onConnected(),
      );
    outgoing.on('error', fail);
    if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) outgoing.end(body);
    else pipeline(Readable.from(body), outgoing).catch(fail);
  });
}

/** Through a proxy, the connection is there before the handshake with the server begins. */
const isOpening = (socket: Socket & { readonly secureConnecting?: boolean }): boolean =>
  socket.connecting || socket.secureConnecting === true;

/**
 * Reads a body to its end and drops it, so that the connection can serve the next request. A body of more than
 * `mostBytes` is cut off. @throws when the connection ends before the body
 */
export function discard(
  response: IncomingMessage,
  { mostBytes = Number.POSITIVE_INFINITY }: { mostBytes?: number } = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    response
      .on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > mostBytes) response.destroy(new Error(`the body is longer than ${mostBytes} bytes`));
      })
      .on('end', resolve)
      .on('error', reject)
      .on('close', () => {
        if (!response.readableEnded) reject(new Error('the connection was closed within the body'));
      });
  });
}
