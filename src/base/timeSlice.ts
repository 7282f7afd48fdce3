import type { Clock } from './clock.ts';

/** Whoever works without waiting does so for at most about this long before others may run. */
const SLICE_MS = 5;

/**
 * Keeps long runs of small steps from blocking the event loop. Promises that are already resolved never let it turn: a
 * list of thousands of objects, or as many reconciles with nothing to do, would be worked off in one go.
 */
export class TimeSlice {
  readonly #clock: Clock;
  #endsAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#endsAt = clock.monotonic() + SLICE_MS;
  }

  /** To be awaited between two steps when it is there; most of the time it is not, and costs next to nothing. */
  pause(): Promise<void> | undefined {
    if (this.#clock.monotonic() < this.#endsAt) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        this.#endsAt = this.#clock.monotonic() + SLICE_MS;
        resolve();
      }),
    );
  }
}
