import { setMaxListeners } from 'node:events';

/**
 * A signal that fires with the first of these. `release` must be called when the work is done. In place of
 * `AbortSignal.any`, which on Node 20 does not hold its sources: a deadline among them may be collected and never fire.
 */
export function eitherSignal(...signals: readonly AbortSignal[]): {
  signal: AbortSignal;
  release: () => void;
} {
  const controller = new AbortController();
  const listeners = signals.map((signal) => {
    const onAbort = () => controller.abort(signal.reason);
    setMaxListeners(0, signal);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    return () => signal.removeEventListener('abort', onAbort);
  });
  return {
    signal: controller.signal,
    release: () => {
      for (const remove of listeners) remove();
    },
  };
}
