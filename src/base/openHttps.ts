import { setMaxListeners } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type Agent, type RequestOptions, request } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

interface HttpsRequest
  extends Pick<
    RequestOptions,
    'method' | 'headers' | 'ca' | 'servername' | 'rejectUnauthorized' | 'checkServerIdentity'
  > {
  /** Where to send the request: a URL, or its parts. */
  readonly to: string | { readonly host: string; readonly port: number; readonly path: string };
  readonly agent?: Agent | undefined;
  /** Bytes that are sent as they come, or a text. */
  readonly body?: string | Buffer | AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined;
  /** The request fails when the connection is silent for this long. */
  readonly timeoutMs: number;
}

/**
 * Sends one HTTPS request. Resolves with the response as soon as its headers are there; the caller reads, discards or
 * destroys its body. @throws the reason of the signal; the error of the connection; an Error after `timeoutMs`
 */
export function openHttps(
  { to, body, timeoutMs, agent, ...rest }: HttpsRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const options: RequestOptions = { ...rest, timeout: timeoutMs, ...(agent ? { agent } : {}) };
    const outgoing =
      typeof to === 'string' ? request(to, options, resolve) : request({ ...options, ...to }, resolve);
    // Requests at the same time share one signal; each removes its listener again.
    setMaxListeners(0, signal);
    const onAbort = () => outgoing.destroy(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    outgoing.on('close', () => signal.removeEventListener('abort', onAbort));
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    const fail = (error: unknown) => reject(signal.aborted ? signal.reason : error);
    outgoing.on('error', fail);
    if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) outgoing.end(body);
    else pipeline(Readable.from(body), outgoing).catch(fail);
  });
}

/** Reads a body to its end and drops it, so that the connection can serve the next request. */
export function discard(response: IncomingMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    response.on('end', resolve).on('error', reject).resume();
  });
}
