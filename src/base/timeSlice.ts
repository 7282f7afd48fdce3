import type { Clock } from './clock.ts';

/** About the longest time that work without waiting may block the event loop. */
const SLICE_MS = 5;

/**
 * Keeps long runs of small steps from blocking the event loop. Awaiting a resolved promise does not let the event loop
 * run: a list of thousands of objects, or thousands of reconciles without work, would block it.
 */
export class TimeSlice {
  readonly #clock: Clock;
  #endsAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#endsAt = clock.monotonic() + SLICE_MS;
  }

  /** Call it between two steps, and await the promise if there is one. Usually there is none, which costs almost nothing. */
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
