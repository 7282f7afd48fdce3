import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, type AgentOptions, request as httpsRequest, type RequestOptions } from 'node:https';
import type { Clock } from '../runtime/clock.ts';
import { sleep, withDeadline } from '../runtime/clock.ts';
import { CodedError } from '../runtime/codedError.ts';
import { ApiError, TransportError } from './apiError.ts';
import type { Credentials } from './credentials.ts';
import { TokenBucket } from './tokenBucket.ts';

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** Other than JSON of the whole object, e.g. its metadata only. */
  readonly accept?: string;
}

/** The wire to the API server. Everything above it is testable with another one. */
export interface Transport {
  /** The parsed body. @throws ApiError a refusal, TransportError no answer */
  request(request: KubeRequest, signal: AbortSignal): Promise<unknown>;
  /** The lines of an answer that goes on, until it ends. Same errors. */
  stream(request: KubeRequest, signal: AbortSignal): AsyncIterable<string>;
  /** The body as text, e.g. of a pod's log. Same errors. */
  text(request: KubeRequest, signal: AbortSignal): Promise<string>;
  close(): void;
}

export interface TransportOptions {
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly userAgent: string;
  /** Called with the verb, the status (or `<error>`) and the time taken of every request. */
  readonly observe?: (method: string, status: string, durationMs: number) => void;
  /** Checked right before a request goes to the socket; throws when it must not. */
  readonly fence?: (request: KubeRequest) => void;
  readonly requestTimeoutMs?: number;
  readonly queriesPerSecond?: number;
  readonly burst?: number;
}

export const TRANSPORT_DEFAULTS = {
  /** Deadline of a request that is no stream; for a stream, until its headers. */
  requestTimeoutMs: 30_000,
  /** client-go's own defaults are 5 and 10; controller-runtime's are 20 and 30. */
  queriesPerSecond: 50,
  burst: 100,
  maxSockets: 32,
  /** How often a 429 or 503 that names a time is tried again before it becomes the caller's. */
  maxRetries: 3,
  longestRetryAfterMs: 30_000,
} as const;

export class HttpsTransport implements Transport {
  readonly #options: TransportOptions;
  readonly #bucket: TokenBucket;
  #agent: { readonly revision: string; readonly agent: Agent } | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket(
      options.clock,
      options.queriesPerSecond ?? TRANSPORT_DEFAULTS.queriesPerSecond,
      options.burst ?? TRANSPORT_DEFAULTS.burst,
    );
  }

  async request(request: KubeRequest, signal: AbortSignal): Promise<unknown> {
    const text = await this.text(request, signal);
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  }

  async text(request: KubeRequest, signal: AbortSignal): Promise<string> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(request, signal);
      } catch (error) {
        const waitMs = error instanceof ApiError ? error.retryAfterMs : undefined;
        const worthIt = waitMs !== undefined && waitMs <= TRANSPORT_DEFAULTS.longestRetryAfterMs;
        if (!worthIt || attempt >= TRANSPORT_DEFAULTS.maxRetries) throw error;
        await sleep(this.#options.clock, waitMs, signal);
      }
    }
  }

  async #once(request: KubeRequest, signal: AbortSignal): Promise<string> {
    const deadline = this.#deadline(request, signal);
    try {
      const response = await this.#send(request, deadline.signal);
      return await collect(response, describe(request));
    } finally {
      deadline.release();
    }
  }

  async *stream(request: KubeRequest, signal: AbortSignal): AsyncIterable<string> {
    // The deadline covers the time until the headers; afterwards the caller's watchdog rules.
    const headers = this.#deadline(request, signal);
    const response = await this.#send(request, headers.signal, signal).finally(headers.release);
    const onAbort = () => response.destroy(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      yield* lines(response);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new TransportError(describe(request), error);
    } finally {
      signal.removeEventListener('abort', onAbort);
      response.destroy();
    }
  }

  close(): void {
    this.#agent?.agent.destroy();
    this.#agent = undefined;
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

  async #send(request: KubeRequest, signal: AbortSignal, lifetime = signal): Promise<IncomingMessage> {
    const { credentials, clock, observe, userAgent, fence } = this.#options;
    await this.#bucket.take(signal);
    const [agent, authorization] = await Promise.all([this.#currentAgent(), credentials.authorization()]);
    const payload = request.body === undefined ? undefined : JSON.stringify(request.body);
    const url = new URL(request.path, credentials.server);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const startedAt = clock.monotonic();
    fence?.(request);
    const response = await open(
      url,
      {
        agent,
        method: request.method,
        headers: {
          accept: request.accept ?? 'application/json',
          'user-agent': userAgent,
          ...(authorization ? { authorization } : {}),
          ...(payload === undefined
            ? {}
            : {
                'content-type': request.contentType ?? 'application/json',
                'content-length': Buffer.byteLength(payload),
              }),
        },
      },
      payload,
      signal,
    ).catch((error: unknown) => {
      observe?.(request.method, '<error>', clock.monotonic() - startedAt);
      if (lifetime.aborted) throw lifetime.reason;
      throw error instanceof TransportError ? error : new TransportError(describe(request), error);
    });
    const status = response.statusCode ?? 0;
    observe?.(request.method, String(status), clock.monotonic() - startedAt);
    if (status >= 200 && status < 300) return response;
    throw ApiError.parse(
      status,
      await collect(response, describe(request)),
      describe(request),
      retryAfterMs(response),
    );
  }

  async #currentAgent(): Promise<Agent> {
    const revision = await this.#options.credentials.revision();
    if (this.#agent?.revision !== revision) {
      const tls: AgentOptions = await this.#options.credentials.tls();
      // Streams in flight keep the old pool; new requests use the new one.
      this.#agent = {
        revision,
        agent: new Agent({
          ...tls,
          keepAlive: true,
          maxSockets: TRANSPORT_DEFAULTS.maxSockets,
          scheduling: 'lifo',
        }),
      };
    }
    return this.#agent.agent;
  }
}

const describe = ({ method, path }: KubeRequest): string => `${method} ${path}`;

function open(
  url: URL,
  options: RequestOptions,
  payload: string | undefined,
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
    request.end(payload);
  });
}

async function collect(response: IncomingMessage, request: string): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    throw new TransportError(request, error);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Splits on newlines without ever decoding half a character. */
async function* lines(response: IncomingMessage): AsyncIterable<string> {
  let rest: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10, from); end !== -1; end = chunk.indexOf(10, from)) {
      rest.push(chunk.subarray(from, end));
      const line = Buffer.concat(rest).toString('utf8');
      rest = [];
      from = end + 1;
      if (line !== '') yield line;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
  if (rest.length > 0) yield Buffer.concat(rest).toString('utf8');
}

function retryAfterMs(response: IncomingMessage): number | undefined {
  const seconds = Number(response.headers['retry-after']);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
