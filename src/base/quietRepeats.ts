import type { Clock } from './clock.ts';
import type { Logger, LogLevel } from './logger.ts';

/** As many equal lines are written within the time; then one a time says how many there were. */
const SHOWN = 5;
const PERIOD_MS = 60_000;

interface Seen {
  readonly sinceMs: number;
  count: number;
}

/** A logger for a terminal: the same warning or error is not written again and again. Lines are equal by their text. */
export function quietRepeats(logger: Logger, clock: Pick<Clock, 'monotonic'>): Logger {
  const seen = new Map<string, Seen>();
  const quiet = (inner: Logger): Logger => {
    const line = (level: Extract<LogLevel, 'warn' | 'error'>) => (message: string, fields?: object) => {
      const nowMs = clock.monotonic();
      const key = `${level} ${message}`;
      const known = seen.get(key);
      if (!known || nowMs - known.sinceMs >= PERIOD_MS) {
        seen.set(key, { sinceMs: nowMs, count: 1 });
        const hidden = (known?.count ?? 0) - SHOWN;
        return inner[level](message, hidden > 0 ? { ...fields, notShown: hidden } : { ...fields });
      }
      known.count += 1;
      if (known.count <= SHOWN) inner[level](message, { ...fields });
    };
    return {
      debug: (message, fields) => inner.debug(message, fields),
      info: (message, fields) => inner.info(message, fields),
      warn: line('warn'),
      error: line('error'),
      child: (fields) => quiet(inner.child(fields)),
    };
  };
  return quiet(logger);
}
