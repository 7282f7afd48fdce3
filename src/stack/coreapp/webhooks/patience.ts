/** Sources disagree about whether it ever gives up; the overview says after about 24 hours. */
const GIVE_UP_SECONDS = 24 * 3600;
/** The longest that an attempt takes, beside the delay before it. */
const ATTEMPT_SECONDS = 20;

interface Delays {
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

/** The delay after so many attempts. Linear, as documented: 3 s, 6 s, 9 s, ... */
export const delayAfter = (attempts: number, { backoffMs, maxBackoffMs }: Delays): number =>
  Math.min(maxBackoffMs, attempts * backoffMs);

/** The sum of the delays after attempts 1 to `attempts`. */
function waitedSeconds(attempts: number, { backoffMs, maxBackoffMs }: Delays): number {
  const growing = backoffMs > 0 ? Math.min(attempts, Math.floor(maxBackoffMs / backoffMs)) : attempts;
  return ((backoffMs * growing * (growing + 1)) / 2 + (attempts - growing) * maxBackoffMs) / 1000;
}

/**
 * Whether the receiver has refused a callback for 24 hours. Its age is the difference of two times of the database, whose
 * clock may jump, so the attempts must have taken as long too, beside the time by which a test has moved the clock.
 */
export function hasGivenUp(
  { attempts, ageSeconds }: { readonly attempts: number; readonly ageSeconds: number },
  delays: Delays,
  movedMs = 0,
): boolean {
  const atLeast = waitedSeconds(attempts, delays);
  if (atLeast > GIVE_UP_SECONDS) return true;
  return (
    ageSeconds > GIVE_UP_SECONDS && atLeast + attempts * ATTEMPT_SECONDS + movedMs / 1000 > GIVE_UP_SECONDS
  );
}
