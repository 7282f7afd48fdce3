import type { IncomingMessage } from 'node:http';
import { Agent } from 'node:https';
import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import type { PeerCertificate } from 'node:tls';
import { systemClock, withDeadline } from '../base/clock.ts';
import { identityProblem } from '../base/identityProblem.ts';
import { openHttps } from '../base/openHttps.ts';
import { PinnedAgent } from './pinnedAgent.ts';
import { StackUnreachable } from './stackError.ts';

type RequestBody = string | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface StackRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** e.g. `/v1/health` */
  readonly path: string;
  readonly authorization?: string;
  /** The place in a trace (W3C Trace Context) that the stack may continue. */
  readonly traceparent?: string;
  /** Default: `application/json`. */
  readonly contentType?: string;
  /** A stream can be sent only once. */
  readonly body?: RequestBody | undefined;
  /** False if sending the request twice has another effect than once. Default: true. */
  readonly isRepeatable?: boolean;
}

export interface StackResponse {
  readonly status: number;
  readonly body: string;
}

export interface StreamedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly content: Readable;
}

/** The connection to a Webapp. */
export interface StackTransport {
  /** @throws StackUnreachable */
  request(request: StackRequest, signal: AbortSignal): Promise<StackResponse>;
  /** The answer as a stream. @throws StackUnreachable */
  stream(request: StackRequest, signal: AbortSignal): Promise<StreamedResponse>;
  close(): void;
}

export interface HttpsStackOptions {
  readonly host: string;
  readonly port: number;
  /** Name that the certificate must carry. Default: the host. */
  readonly serverName?: string | undefined;
  /** The certificate must carry one of these names, instead of the server name. */
  readonly certificateNames?: readonly string[] | undefined;
  /** PEM of the CA that must have signed the certificate. Absent: the CAs of the system. */
  readonly ca?: string | undefined;
  readonly verify?: boolean;
  /** SHA-256 of a public key (SPKI, DER) in hexadecimal: a certificate with this key is accepted after it expired. */
  readonly expiredKeyHash?: string | undefined;
  /** A call fails when the connection is silent for this long. */
  readonly timeoutMs?: number;
  /** A call whose answer is not a stream fails after this time, however much the server sends. */
  readonly deadlineMs?: number;
  /** Called right before a request is sent; throws to keep it back. */
  readonly fence?: (request: StackRequest) => void;
}

export const STACK_TRANSPORT_DEFAULTS = {
  timeoutMs: 15_000,
  deadlineMs: 60_000,
  maxSockets: 4,
  longestBodyBytes: 32 * 1024 * 1024,
} as const;

/** Undefined if the certificate carries one of the names, else the error of the first name. */
const bearsOneOf =
  (names: readonly string[]) =>
  (_: string, certificate: PeerCertificate): Error | undefined => {
    const problems = names.map((name) => identityProblem(name, certificate));
    return problems.includes(undefined) ? undefined : problems[0];
  };

export class HttpsStackTransport implements StackTransport {
  readonly #options: HttpsStackOptions;
  readonly #agent: Agent;

  constructor(options: HttpsStackOptions) {
    this.#options = options;
    const { expiredKeyHash } = options;
    const sockets = { keepAlive: true, maxSockets: STACK_TRANSPORT_DEFAULTS.maxSockets };
    this.#agent =
      expiredKeyHash === undefined ? new Agent(sockets) : new PinnedAgent(expiredKeyHash, sockets);
  }

  async request(request: StackRequest, signal: AbortSignal): Promise<StackResponse> {
    const { deadlineMs = STACK_TRANSPORT_DEFAULTS.deadlineMs } = this.#options;
    const what = `${request.method} ${request.path}`;
    // How long an upload takes depends on its size.
    if (typeof request.body === 'object') return this.#request(request, signal);
    const late = () => new StackUnreachable(what, new Error(`no complete answer within ${deadlineMs} ms`));
    const deadline = withDeadline(systemClock, signal, deadlineMs, late);
    return this.#request(request, deadline.signal).finally(deadline.release);
  }

  async #request(request: StackRequest, signal: AbortSignal): Promise<StackResponse> {
    const response = await this.#open(request, signal);
    const chunks: Buffer[] = [];
    let size = 0;
    // The body itself does not hear of the signal.
    const onAbort = () => response.destroy(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for await (const chunk of response) {
        size += (chunk as Buffer).length;
        if (size > STACK_TRANSPORT_DEFAULTS.longestBodyBytes) throw new Error('answer too long');
        chunks.push(chunk as Buffer);
      }
    } catch (cause) {
      throw signal.aborted ? signal.reason : new StackUnreachable(`${request.method} ${request.path}`, cause);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') };
  }

  async stream(request: StackRequest, signal: AbortSignal): Promise<StreamedResponse> {
    const response = await this.#open(request, signal);
    const headers = Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [
        name,
        value === undefined ? undefined : String(value),
      ]),
    );
    return { status: response.statusCode ?? 0, headers, content: response };
  }

  async #open(request: StackRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const { host, port, serverName = host, certificateNames, ca, verify = true, fence } = this.#options;
    const { body, method, path } = request;
    signal.throwIfAborted();
    fence?.(request);
    let mayHaveArrived = false;
    try {
      return await openHttps(
        {
          to: { host, port, path },
          method,
          agent: this.#agent,
          // An address cannot be a server name (RFC 6066); the certificate is checked against the host then.
          ...(serverName === host && isIP(host) ? {} : { servername: serverName }),
          rejectUnauthorized: verify,
          ...(ca ? { ca } : {}),
          ...(certificateNames ? { checkServerIdentity: bearsOneOf(certificateNames) } : {}),
          timeoutMs: this.#options.timeoutMs ?? STACK_TRANSPORT_DEFAULTS.timeoutMs,
          headers: {
            accept: 'application/json',
            ...(request.authorization ? { authorization: request.authorization } : {}),
            ...(request.traceparent ? { traceparent: request.traceparent } : {}),
            ...(body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
            ...(typeof body === 'string' ? { 'content-length': Buffer.byteLength(body) } : {}),
          },
          body,
          onConnected: () => {
            mayHaveArrived = true;
          },
        },
        signal,
      );
    } catch (cause) {
      throw signal.aborted
        ? signal.reason
        : new StackUnreachable(`${method} ${path}`, cause, { mayHaveArrived });
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}
