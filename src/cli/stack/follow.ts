import { sleep, systemClock } from '../../base/clock.ts';
import { CommandExit, INTERRUPTED } from '../commandExit.ts';

const EVERY_MS = 1_000;

export interface FollowOptions {
  readonly say: (line: string) => void;
  /** Said on Ctrl-C, which leaves the operator at work. */
  readonly interrupted: string;
}

/**
 * Looks every second until `look` has a result. `look` tells where the work stands; a line is said only when it changes.
 * @throws what `look` throws; CommandExit on Ctrl-C
 */
export async function follow<T>(
  look: (tell: (line: string) => void) => Promise<T | undefined>,
  { say, interrupted }: FollowOptions,
  signal: AbortSignal,
): Promise<T> {
  let shown = '';
  const tell = (line: string) => {
    if (line !== shown) say(line);
    shown = line;
  };
  try {
    for (;;) {
      const result = await look(tell);
      if (result !== undefined) return result;
      await sleep(systemClock, EVERY_MS, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    say(interrupted);
    throw new CommandExit(INTERRUPTED);
  }
}
