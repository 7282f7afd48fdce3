import { type IncomingMessage, Agent as PlainAgent } from 'node:http';
import { Agent } from 'node:https';
import { createSecureContext, rootCertificates } from 'node:tls';
import { type Clock, withDeadline } from '../../../base/clock.ts';
import { discard, openHttps } from '../../../base/openHttps.ts';

/** Not found in any source: how long a receiver may take to answer. */
const RECEIVER_TIMEOUT_MS = 20_000;
/** The body of an answer says nothing to us. A longer one costs its connection. */
const LONGEST_BODY_BYTES = 64 * 1024;
/** So much of it is shown to people. */
const SHOWN_BYTES = 1024;
const NEVER = new AbortController().signal;

interface PosterSettings {
  readonly maxConcurrentRequests: number;
  readonly ca: string | undefined;
}

/** What became of an attempt. */
export interface Posted {
  /** Of the answer; absent if there was none. */
  readonly status?: number | undefined;
  /** What went wrong; undefined for a 200. */
  readonly problem: string | undefined;
  /** Beginning of the body. */
  readonly answer?: string;
}

/** Posts callbacks to the receiver over connections that it keeps. */
export class WebhookPoster {
  readonly #clock: Clock;
  #settings: PosterSettings | undefined;
  #agent: Agent | undefined;
  /** For a webhook without TLS, which only a laptop has. */
  #plainAgent: PlainAgent | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  configure({ maxConcurrentRequests, ca }: PosterSettings): void {
    const isSame =
      ca === this.#settings?.ca && maxConcurrentRequests === this.#settings?.maxConcurrentRequests;
    if (this.#agent && isSame) return;
    this.close();
    this.#settings = { maxConcurrentRequests, ca };
    this.#plainAgent = new PlainAgent({ keepAlive: true, maxSockets: maxConcurrentRequests });
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: maxConcurrentRequests,
      // One context for all requests: an agent with a `ca` option parses and compares all CAs for each request.
      secureContext: createSecureContext(ca ? { ca: [...rootCertificates, ca] } : {}),
    });
  }

  /** The status counts, whatever becomes of the body. The receiver continues the trace of `traceparent`. */
  async post(url: string, payload: string, traceparent?: string): Promise<Posted> {
    // One deadline for all of it: a receiver that sends a byte now and then is never silent.
    const late = () => new Error(`no answer within ${RECEIVER_TIMEOUT_MS} ms`);
    const deadline = withDeadline(this.#clock, NEVER, RECEIVER_TIMEOUT_MS, late);
    try {
      const response = await openHttps(
        {
          to: url,
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(payload),
            ...(traceparent === undefined ? {} : { traceparent }),
          },
          body: payload,
          timeoutMs: RECEIVER_TIMEOUT_MS,
          agent: url.startsWith('http:') ? this.#plainAgent : this.#agent,
        },
        deadline.signal,
      );
      const answer = await beginningOf(response);
      const { statusCode: status } = response;
      return { status, problem: status === 200 ? undefined : `HTTP ${status}`, answer };
    } catch (error) {
      return { problem: (error as Error).message };
    } finally {
      deadline.release();
    }
  }

  close(): void {
    this.#agent?.destroy();
    this.#plainAgent?.destroy();
  }
}

/** Reads a body to its end, so that the connection can serve the next request, and keeps its beginning. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  const kept: Buffer[] = [];
  let keptBytes = 0;
  response.on('data', (chunk: Buffer) => {
    if (keptBytes < SHOWN_BYTES) kept.push(chunk);
    keptBytes += chunk.length;
  });
  await discard(response, { mostBytes: LONGEST_BODY_BYTES }).catch(() => response.destroy());
  return Buffer.concat(kept).subarray(0, SHOWN_BYTES).toString('utf8');
}
