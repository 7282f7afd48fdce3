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

/**
 * What fires with each signal. One listener serves all of them: many requests share a signal, and each would search the list of
 * its listeners to remove its own.
 */
const FOLLOWERS = new WeakMap<AbortSignal, Set<AbortController>>();

function followersOf(signal: AbortSignal): Set<AbortController> {
  const known = FOLLOWERS.get(signal);
  if (known) return known;
  const followers = new Set<AbortController>();
  FOLLOWERS.set(signal, followers);
  setMaxListeners(0, signal);
  const onAbort = () => {
    for (const controller of followers) controller.abort(signal.reason);
    followers.clear();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return followers;
}

/** A signal that also fires when `delayMs` have passed. `release` must be called when the work is done. */
export function withDeadline(
  clock: Clock,
  signal: AbortSignal,
  delayMs: number,
  reason: () => Error,
): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const followers = followersOf(signal);
  if (signal.aborted) controller.abort(signal.reason);
  else followers.add(controller);
  const cancel = clock.after(delayMs, () => controller.abort(reason()));
  return {
    signal: controller.signal,
    release: () => {
      cancel();
      followers.delete(controller);
    },
  };
}
