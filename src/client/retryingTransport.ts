import { type Clock, sleep } from '../base/clock.ts';
import { StackError, StackUnreachable } from './stackError.ts';
import type { StackRequest, StackResponse, StackTransport, StreamedResponse } from './stackTransport.ts';

export interface RetryOptions {
  /** How often a call goes out at most. */
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  readonly clock: Clock;
  /** Spreads callers that were refused together: 0 to 1. */
  readonly random: () => number;
}

export const RETRY_DEFAULTS = { attempts: 6, firstDelayMs: 200, maxDelayMs: 10_000 } as const;

/**
 * Tries again what may succeed a little later: refusals whose code says so (1011, 1015, 1016, 1017, 1018, 1023), and
 * calls without an answer where doing them twice is the same as once. A code request, a verification and a message are
 * never repeated when their outcome is unknown.
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

  /** Not repeated: whoever reads a stream may have read a part of it. */
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

/** A stream is read by the first attempt. */
const isSpent = ({ body }: StackRequest): boolean => body !== undefined && typeof body !== 'string';

function isRefusedForNow({ method, path }: StackRequest, { status, body }: StackResponse): boolean {
  if (status < 400) return false;
  const error = new StackError(`${method} ${path}`, status, body);
  // Without a code nobody says that nothing was done.
  return error.retriable && (error.apiCode !== undefined || status === 429);
}
