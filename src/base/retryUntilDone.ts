import { type Clock, sleep } from './clock.ts';
import { describeError } from './codedError.ts';
import type { Logger } from './logger.ts';

/**
 * Retries `action` every `everyMs` until it succeeds. It logs an error once as long as the error stays the same. An error
 * for which `worthRetrying` returns false is thrown at once.
 */
export async function retryUntilDone<T>(
  action: () => Promise<T>,
  options: {
    clock: Clock;
    logger: Logger;
    what: string;
    everyMs: number;
    worthRetrying?: (error: unknown) => boolean;
  },
  signal: AbortSignal,
): Promise<T> {
  for (let lastProblem = ''; ; ) {
    try {
      return await action();
    } catch (error) {
      if (options.worthRetrying?.(error) === false) throw error;
      const problem = describeError(error);
      if (problem !== lastProblem) options.logger.warn(options.what, { error });
      lastProblem = problem;
      await sleep(options.clock, options.everyMs, signal);
    }
  }
}
