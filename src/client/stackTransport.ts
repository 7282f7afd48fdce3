import { Agent, request as httpsRequest } from 'node:https';
import { StackUnreachable } from './stackError.ts';

export interface StackRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** e.g. `/v1/health` */
  readonly path: string;
  readonly authorization?: string;
  readonly contentType?: string;
  readonly body?: string;
}

export interface StackResponse {
  readonly status: number;
  readonly body: string;
}

/** The wire to a Webapp. */
export interface StackTransport {
  /** @throws StackUnreachable */
  request(request: StackRequest, signal: AbortSignal): Promise<StackResponse>;
  close(): void;
}

export interface HttpsStackOptions {
  readonly host: string;
  readonly port: number;
  /** Name that the certificate must bear; the host unless given. */
  readonly serverName?: string | undefined;
  /** PEM of the CA that must have signed it. Absent: verified against the system's. `'unverified'` is for reading the CA once. */
  readonly ca?: string | undefined;
  readonly verify?: boolean;
  readonly timeoutMs?: number;
  /** Checked right before a request goes out; throws when it must not. */
  readonly fence?: (request: StackRequest) => void;
}

export const STACK_TRANSPORT_DEFAULTS = {
  timeoutMs: 15_000,
  maxSockets: 4,
  longestBody: 32 * 1024 * 1024,
} as const;

export class HttpsStackTransport implements StackTransport {
  readonly #options: HttpsStackOptions;
  readonly #agent: Agent;

  constructor(options: HttpsStackOptions) {
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, maxSockets: STACK_TRANSPORT_DEFAULTS.maxSockets });
  }

  request(request: StackRequest, signal: AbortSignal): Promise<StackResponse> {
    const { host, port, serverName, ca, verify = true, fence } = this.#options;
    const timeoutMs = this.#options.timeoutMs ?? STACK_TRANSPORT_DEFAULTS.timeoutMs;
    const call = `${request.method} ${request.path}`;
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown) =>
        reject(signal.aborted ? signal.reason : new StackUnreachable(call, cause));
      try {
        signal.throwIfAborted();
        fence?.(request);
      } catch (error) {
        return reject(error);
      }
      const outgoing = httpsRequest(
        {
          host,
          port,
          path: request.path,
          method: request.method,
          agent: this.#agent,
          servername: serverName ?? host,
          rejectUnauthorized: verify,
          ...(ca ? { ca } : {}),
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
          headers: {
            accept: 'application/json',
            ...(request.authorization ? { authorization: request.authorization } : {}),
            ...(request.body === undefined
              ? {}
              : {
                  'content-type': request.contentType ?? 'application/json',
                  'content-length': Buffer.byteLength(request.body),
                }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > STACK_TRANSPORT_DEFAULTS.longestBody) response.destroy(new Error('answer too long'));
            chunks.push(chunk);
          });
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
          );
          response.on('error', fail);
        },
      );
      outgoing.on('error', fail);
      outgoing.end(request.body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
