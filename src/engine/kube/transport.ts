import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { type Span, SpanKind, type Tracer, trace } from '@opentelemetry/api';
import type { Clock } from '../../base/clock.ts';
import { sleep, withDeadline } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { TokenBucket } from '../../base/tokenBucket.ts';
import { markFailed } from '../../base/tracing/markFailed.ts';
import { ApiError, TransportError } from './apiError.ts';
import { Connections } from './connections.ts';
import type { Credentials } from './credentials.ts';
import { lines } from './lines.ts';
import { frames } from './protobuf/frames.ts';
import { ProtobufReader } from './protobuf/protobufReader.ts';

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** The Accept header, for other than JSON of the whole object, such as its metadata only. */
  readonly accept?: string;
  /** Asks for protobuf, and reads it. The answer may be JSON all the same: the server decides. */
  readonly reader?: ProtobufReader | undefined;
  /** Called right before the request is written to the socket; throws to keep it back. */
  readonly fence?: () => void;
}

/** The connection to the API server. Tests replace it. */
export interface Transport {
  /** @returns the parsed body. @throws ApiError if the server refuses, TransportError if there is no answer */
  request(request: KubeRequest, signal: AbortSignal): Promise<unknown>;
  /**
   * The lines of an answer as they arrive, until the answer ends; its frames if the request has a reader and the answer is
   * protobuf. Same errors.
   */
  stream(request: KubeRequest, signal: AbortSignal): AsyncIterable<string | Buffer>;
  /** The body as text, e.g. of a pod's log. Same errors. */
  text(request: KubeRequest, signal: AbortSignal): Promise<string>;
  close(): void;
}

/** Observes requests, for metrics. */
export interface RequestObserver {
  /** `code` is the HTTP status, or `<error>` without an answer. */
  finished(method: string, host: string, code: string, durationMs: number): void;
  retried(method: string, host: string, code: string): void;
  /** Time spent waiting for the client's own rate limit. */
  throttled(method: string, host: string, durationMs: number): void;
}

export const API_ENCODINGS = ['protobuf', 'json'] as const;
export type ApiEncoding = (typeof API_ENCODINGS)[number];

export interface TransportOptions {
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly userAgent: string;
  readonly observer?: RequestObserver;
  /** Called right before a request is written to the socket; throws to keep it back. */
  readonly fence?: (request: KubeRequest) => void;
  readonly requestTimeoutMs?: number;
  readonly queriesPerSecond?: number;
  readonly burst?: number;
  readonly random?: () => number;
  /** Default `protobuf`, for the kinds that have it; `json` asks for JSON only. */
  readonly encoding?: ApiEncoding | undefined;
}

const TRANSPORT_DEFAULTS = {
  /** Deadline of a request; for a stream, of its headers. */
  requestTimeoutMs: 30_000,
  /** client-go's own defaults are 5 and 10; controller-runtime's are 20 and 30. */
  queriesPerSecond: 50,
  burst: 100,
  maxSockets: 32,
  /** Silence on a connection after which TCP asks whether the other side is still there. */
  keepAliveMs: 15_000,
  /** Retries of a 429 or 503 that names a time, before the caller gets the error. */
  maxRetries: 10,
  longestRetryAfterMs: 30_000,
  /** Waits up to this share longer than the server says, so that clients refused together do not return together. */
  retryAfterJitter: 1,
} as const;

/** HTTPS with deadlines, a client-side rate limit, `Retry-After`, rotating credentials and a fence. */
export class HttpsTransport implements Transport {
  readonly #options: TransportOptions;
  readonly #bucket: TokenBucket;
  readonly #connections: Connections;
  readonly #host: string;
  readonly #tracer: Tracer = trace.getTracer('kube');
  /** Readers of kinds that the server does not serve as protobuf. */
  readonly #refused = new WeakSet<ProtobufReader>();

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket(options.clock, {
      perSecond: options.queriesPerSecond ?? TRANSPORT_DEFAULTS.queriesPerSecond,
      burst: options.burst ?? TRANSPORT_DEFAULTS.burst,
    });
    this.#connections = new Connections(options.credentials, TRANSPORT_DEFAULTS.maxSockets);
    this.#host = new URL(options.credentials.server).host;
  }

  async request(request: KubeRequest, signal: AbortSignal): Promise<unknown> {
    const { body, isProtobuf } = await this.#body(request, signal);
    if (isProtobuf && request.reader) return request.reader.answer(body);
    return body.length === 0 ? undefined : (JSON.parse(body.toString('utf8')) as unknown);
  }

  async text(request: KubeRequest, signal: AbortSignal): Promise<string> {
    return (await this.#body(request, signal)).body.toString('utf8');
  }

  #body(request: KubeRequest, signal: AbortSignal): Promise<{ body: Buffer; isProtobuf: boolean }> {
    return this.#traced(request, async () => {
      const deadline = this.#deadline(request, signal);
      try {
        const response = await this.#answered(request, 'request', deadline.signal);
        return { body: await collect(response, describe(request)), isProtobuf: isProtobuf(response) };
      } catch (error) {
        // We may have cut the connection ourselves.
        if (deadline.signal.aborted) throw deadline.signal.reason;
        throw error;
      } finally {
        deadline.release();
      }
    });
  }

  async *stream(request: KubeRequest, signal: AbortSignal): AsyncIterable<string | Buffer> {
    // The deadline covers the time until the headers; after that, the caller's watchdog decides.
    const headers = this.#deadline(request, signal);
    const response = await this.#answered(request, 'stream', headers.signal).finally(headers.release);
    const onAbort = () => response.destroy(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const { clock } = this.#options;
      yield* isProtobuf(response) ? frames(response, clock) : lines(response, clock);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof CodedError) throw error;
      throw new TransportError(describe(request), error);
    } finally {
      signal.removeEventListener('abort', onAbort);
      response.destroy();
    }
  }

  close(): void {
    this.#connections.close();
  }

  #deadline(request: KubeRequest, signal: AbortSignal) {
    const timeoutMs = this.#options.requestTimeoutMs ?? TRANSPORT_DEFAULTS.requestTimeoutMs;
    return withDeadline(
      this.#options.clock,
      signal,
      timeoutMs,
      () =>
        new TransportError(describe(request), new CodedError('Deadline', `no answer within ${timeoutMs} ms`)),
    );
  }

  /** Resolves at the headers of a successful answer, after the retries that the server asked for. */
  async #answered(
    request: KubeRequest,
    use: 'request' | 'stream',
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { clock, credentials, observer } = this.#options;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#send(request, use, signal);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 406 && request.reader && !this.#refused.has(request.reader)) {
          this.#refused.add(request.reader);
          continue;
        }
        const rejectedIdentity = error.status === 401 && attempt === 0 && credentials.refresh !== undefined;
        // The server names a time only when it has not acted, so trying again is safe for every verb.
        const waitMs = rejectedIdentity ? 0 : error.retryAfterMs;
        const worthIt = waitMs !== undefined && waitMs <= TRANSPORT_DEFAULTS.longestRetryAfterMs;
        if (!worthIt || attempt >= TRANSPORT_DEFAULTS.maxRetries) throw error;
        if (rejectedIdentity) credentials.refresh?.();
        observer?.retried(request.method, this.#host, String(error.status));
        const { random = Math.random } = this.#options;
        await sleep(clock, waitMs * (1 + TRANSPORT_DEFAULTS.retryAfterJitter * random()), signal);
      }
    }
  }

  async #send(
    request: KubeRequest,
    use: 'request' | 'stream',
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { credentials, clock, observer, userAgent, fence } = this.#options;
    const queuedAt = clock.monotonic();
    await this.#bucket.take(signal);
    observer?.throttled(request.method, this.#host, clock.monotonic() - queuedAt);
    const identity = await credentials.identity();
    const payload = request.body === undefined ? undefined : JSON.stringify(request.body);
    const url = new URL(request.path, credentials.server);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const startedAt = clock.monotonic();
    const finished = (code: string) =>
      observer?.finished(request.method, this.#host, code, clock.monotonic() - startedAt);
    const response = await open(
      url,
      {
        agent: this.#connections.agent(identity, use),
        method: request.method,
        headers: {
          accept: this.#accept(request),
          'user-agent': userAgent,
          ...(identity.authorization ? { authorization: identity.authorization } : {}),
          ...(payload === undefined
            ? {}
            : {
                'content-type': request.contentType ?? 'application/json',
                'content-length': Buffer.byteLength(payload),
              }),
        },
      },
      payload,
      () => {
        fence?.(request);
        request.fence?.();
      },
      signal,
    ).catch((error: unknown) => {
      finished('<error>');
      if (signal.aborted) throw signal.reason;
      // The error of the fence is passed on as it is: nothing was sent.
      throw error instanceof CodedError ? error : new TransportError(describe(request), error);
    });
    const status = response.statusCode ?? 0;
    finished(String(status));
    if (status >= 200 && status < 300) return response;
    const body = await collect(response, describe(request));
    // A Status, as JSON.
    const refusal =
      isProtobuf(response) && request.reader
        ? JSON.stringify(request.reader.answer(body))
        : body.toString('utf8');
    throw ApiError.parse(status, refusal, describe(request), retryAfterMs(response));
  }

  #accept({ accept = 'application/json', reader }: KubeRequest): string {
    const isOff = !reader || this.#options.encoding === 'json' || this.#refused.has(reader);
    // A server that serves the kind as JSON only takes the second.
    return isOff ? accept : `${reader.accept},${accept}`;
  }

  /** Makes one span for each call of a reconcile. Leases and events, which belong to none, would only fill the collector. */
  #traced<T>(request: KubeRequest, action: () => Promise<T>): Promise<T> {
    if (!trace.getActiveSpan()) return action();
    const attributes = {
      'http.request.method': request.method,
      'url.path': request.path,
      'server.address': this.#host,
    };
    return this.#tracer.startActiveSpan(
      `kube ${request.method}`,
      { kind: SpanKind.CLIENT, attributes },
      (span: Span) =>
        action()
          .catch((error: unknown) => {
            markFailed(span, error);
            throw error;
          })
          .finally(() => span.end()),
    );
  }
}

const describe = ({ method, path }: KubeRequest): string => `${method} ${path}`;

/** Waits for a connection, calls the fence, and only then writes. */
function open(
  url: URL,
  options: RequestOptions,
  payload: string | undefined,
  fence: () => void,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let request: ClientRequest | undefined;
    const onAbort = () => {
      request?.destroy(signal.reason as Error);
      reject(signal.reason);
    };
    if (signal.aborted) return onAbort();
    request = httpsRequest(url, options, resolve);
    request.on('error', reject);
    signal.addEventListener('abort', onAbort, { once: true });
    request.on('close', () => signal.removeEventListener('abort', onAbort));
    request.once('socket', (socket) => {
      // TCP notices a dead peer long before the watchdog does.
      socket.setKeepAlive(true, TRANSPORT_DEFAULTS.keepAliveMs);
      const write = () => {
        try {
          fence();
          request.end(payload);
        } catch (error) {
          // Nothing was written, so the connection could be reused; destroying the request gives it up all the same.
          request.destroy(error as Error);
          reject(error);
        }
      };
      // Node.js keeps this flag on every TLS socket of a client; its types lack it.
      const { connecting, secureConnecting } = socket as TLSSocket & { readonly secureConnecting?: boolean };
      if (connecting || secureConnecting) socket.once('secureConnect', write);
      else write();
    });
  });
}

const isProtobuf = ({ headers }: IncomingMessage): boolean => ProtobufReader.reads(headers['content-type']);

async function collect(response: IncomingMessage, request: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    throw new TransportError(request, error);
  }
  return Buffer.concat(chunks);
}

function retryAfterMs(response: IncomingMessage): number | undefined {
  const seconds = Number(response.headers['retry-after']);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
