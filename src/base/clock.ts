import { setMaxListeners } from 'node:events';

/** Time as an input, so that code that waits also runs under virtual time. */
export interface Clock {
  /** Wall clock, epoch milliseconds. */
  now(): number;
  /** Milliseconds that never go backwards, from an arbitrary origin. */
  monotonic(): number;
  /** Calls back once after `delayMs`; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

/** setTimeout fires at once for a longer delay. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), LONGEST_TIMEOUT_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or rejects with the signal's reason. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    setMaxListeners(0, signal);
    const onAbort = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** A signal that also fires when `delayMs` have passed. `release` must be called when the work is done. */
export function withDeadline(
  clock: Clock,
  signal: AbortSignal,
  delayMs: number,
  reason: () => Error,
): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal.reason);
  // Many requests may share one signal; each removes its listener again.
  setMaxListeners(0, signal);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  const cancel = clock.after(delayMs, () => controller.abort(reason()));
  return {
    signal: controller.signal,
    release: () => {
      cancel();
      signal.removeEventListener('abort', onAbort);
    },
  };
}
