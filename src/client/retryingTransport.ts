import { type Clock, sleep } from '../base/clock.ts';
import { StackError, StackUnreachable } from './stackError.ts';
import type { StackRequest, StackResponse, StackTransport, StreamedResponse } from './stackTransport.ts';

export interface RetryOptions {
  /** The most times that a call is sent. */
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  readonly clock: Clock;
  /** From 0 to 1; spreads the retries of callers that were refused together. */
  readonly random: () => number;
}

export const RETRY_DEFAULTS = { attempts: 6, firstDelayMs: 200, maxDelayMs: 10_000 } as const;

/**
 * Retries calls that may succeed a little later: refusals with code 1011, 1015, 1016, 1017, 1018 or 1023, and calls without
 * an answer that are repeatable. A code request, a verification and a message are never repeated when their outcome is
 * unknown.
 */
export class RetryingTransport implements StackTransport {
  readonly #inner: StackTransport;
  readonly #options: RetryOptions;

  constructor(
    inner: StackTransport,
    options: Pick<RetryOptions, 'clock' | 'random'> & Partial<RetryOptions>,
  ) {
    this.#inner = inner;
    this.#options = { ...RETRY_DEFAULTS, ...options };
  }

  async request(request: StackRequest, signal: AbortSignal): Promise<StackResponse> {
    const { attempts, clock } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt >= attempts || isSpent(request);
      try {
        const response = await this.#inner.request(request, signal);
        if (isLast || !isRefusedForNow(request, response)) return response;
      } catch (error) {
        const mayRepeat = error instanceof StackUnreachable && request.isRepeatable !== false;
        if (isLast || !mayRepeat) throw error;
      }
      await sleep(clock, this.#delayMs(attempt), signal);
    }
  }

  /** Not retried: the caller may have read a part of the stream. */
  stream(request: StackRequest, signal: AbortSignal): Promise<StreamedResponse> {
    return this.#inner.stream(request, signal);
  }

  close(): void {
    this.#inner.close();
  }

  #delayMs(attempt: number): number {
    const { firstDelayMs, maxDelayMs, random } = this.#options;
    const most = Math.min(maxDelayMs, firstDelayMs * 2 ** (attempt - 1));
    return most / 2 + (random() * most) / 2;
  }
}

/** Whether the first attempt has used the body up: a stream can be read only once. */
const isSpent = ({ body }: StackRequest): boolean => body !== undefined && typeof body !== 'string';

function isRefusedForNow({ method, path }: StackRequest, { status, body }: StackResponse): boolean {
  if (status < 400) return false;
  const error = new StackError(`${method} ${path}`, status, body);
  // Without a code it is unknown whether the stack did what was asked.
  return error.retriable && (error.apiCode !== undefined || status === 429);
}
