import { type IncomingMessage, Agent as PlainAgent } from 'node:http';
import { Agent, type AgentOptions } from 'node:https';
import { HttpsProxyAgent } from 'hpagent';
import { getProxyForUrl } from 'proxy-from-env';
import { openHttps } from '../../base/openHttps.ts';
import { VERSION } from '../../base/version.ts';

export interface GraphRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | AsyncIterable<Uint8Array> | undefined;
}

export interface GraphResponse {
  readonly status: number;
  /** Its content type. */
  readonly type: string | undefined;
  /** Where a redirect leads. */
  readonly location: string | undefined;
  readonly body: Buffer;
}

/** @throws RequestNotSent; any other error leaves open whether the request arrived */
export type GraphTransport = (request: GraphRequest, signal: AbortSignal) => Promise<GraphResponse>;

/** No byte of the request has left this machine. */
export class RequestNotSent extends Error {
  constructor(cause: unknown) {
    super('the request did not leave this machine', { cause });
    this.name = 'RequestNotSent';
  }
}

/** As many as the sender has under way, and some for the other calls. */
const MOST_SOCKETS = 300;
/** A message whose connection is closed under it has an unknown outcome, so none is kept for as long as servers keep theirs. */
const IDLE_MS = 4_000;
/** Longer than any deadline of a call. */
const SILENCE_MS = 120_000;

/**
 * Calls over connections that are kept. `fetch` costs twice the CPU, and does not tell whether a request has left. A proxy in
 * HTTPS_PROXY is used, with the exceptions of NO_PROXY; certificates of NODE_EXTRA_CA_CERTS are trusted.
 */
export class HttpGraphTransport {
  readonly #options: AgentOptions = {
    keepAlive: true,
    maxSockets: MOST_SOCKETS,
    scheduling: 'lifo',
    timeout: IDLE_MS,
  };
  readonly #plain = new PlainAgent(this.#options);
  /** By proxy. */
  readonly #agents = new Map<string, Agent>();

  readonly call: GraphTransport = async ({ url, ...request }, signal) => {
    let mayHaveLeft = false;
    const headers = { 'user-agent': `waba-operator/${VERSION}`, ...request.headers };
    try {
      const response = await openHttps(
        {
          ...request,
          headers,
          to: url,
          agent: this.#agentFor(url),
          timeoutMs: SILENCE_MS,
          onConnected: () => {
            mayHaveLeft = true;
          },
        },
        signal,
      );
      const { statusCode = 0, headers: told } = response;
      return {
        status: statusCode,
        type: told['content-type'],
        location: told.location,
        body: await bytesOf(response),
      };
    } catch (error) {
      throw mayHaveLeft ? error : new RequestNotSent(error);
    }
  };

  close(): void {
    this.#plain.destroy();
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #agentFor(url: string): Agent | PlainAgent {
    if (url.startsWith('http:')) return this.#plain;
    const proxy = getProxyForUrl(url);
    const known = this.#agents.get(proxy);
    if (known) return known;
    const agent = proxy ? new HttpsProxyAgent({ ...this.#options, proxy }) : new Agent(this.#options);
    this.#agents.set(proxy, agent);
    return agent;
  }
}

function bytesOf(response: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    response
      .on('data', (chunk: Buffer) => void chunks.push(chunk))
      .on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
      .on('error', reject)
      .on('close', () => {
        if (!response.readableEnded) reject(new Error('the connection was closed within the answer'));
      });
  });
}
