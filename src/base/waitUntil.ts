import { type Clock, sleep } from './clock.ts';

type NotYet = undefined | null | false;

/**
 * Calls `probe` every `everyMs` until it returns something other than undefined, null or false, and returns that. An
 * error of `probe` ends the wait.
 * @throws what `late` returns, when `timeoutMs` have passed; the signal's reason
 */
export async function waitUntil<T>(
  probe: () => Promise<T | NotYet> | T | NotYet,
  options: { clock: Clock; everyMs: number; timeoutMs: number; late: () => Error | Promise<Error> },
  signal: AbortSignal,
): Promise<T> {
  const { clock, everyMs, timeoutMs, late } = options;
  const deadline = clock.monotonic() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== null && value !== false) return value;
    if (clock.monotonic() > deadline) throw await late();
    await sleep(clock, everyMs, signal);
  }
}
