import { systemClock } from '../../src/base/clock.ts';
import { waitUntil } from '../../src/base/waitUntil.ts';

/** Polls until `probe` returns a truthy value, and returns it. Errors count as "not yet". */
export async function eventually<T>(
  probe: () => Promise<T> | T,
  timeoutMs = 30_000,
): Promise<NonNullable<T>> {
  let last: unknown;
  const attempt = async () => {
    try {
      const value = await probe();
      last = value;
      return value || undefined;
    } catch (error) {
      last = error;
      return undefined;
    }
  };
  const late = () => new Error(`not true within ${timeoutMs} ms; last: ${String(last)}`);
  const options = { clock: systemClock, everyMs: 50, timeoutMs, late };
  return (await waitUntil(attempt, options, new AbortController().signal)) as NonNullable<T>;
}
