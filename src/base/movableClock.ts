import type { Clock } from './clock.ts';

interface Timer {
  /** By the monotonic time of this clock. */
  readonly dueMs: number;
  readonly callback: () => void;
  cancel: () => void;
}

/** A clock that runs like another one and can be moved forward, with the timers that run already. */
export class MovableClock implements Clock {
  readonly #base: Clock;
  readonly #timers = new Set<Timer>();
  #movedMs = 0;
  /** Never becomes less, so that `monotonic` never goes back. */
  #aheadMs = 0;

  constructor(base: Clock) {
    this.#base = base;
  }

  /** By how much the wall clock differs from that of the machine. */
  get movedMs(): number {
    return this.#movedMs;
  }

  now(): number {
    return this.#base.now() + this.#movedMs;
  }

  monotonic(): number {
    return this.#base.monotonic() + this.#aheadMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer: Timer = { dueMs: this.monotonic() + Math.max(0, delayMs), callback, cancel: () => {} };
    this.#timers.add(timer);
    this.#arm(timer);
    return () => {
      this.#timers.delete(timer);
      timer.cancel();
    };
  }

  /** Sets by how much the clock is ahead of the machine's. Moving forward brings all timers nearer; those that are due fire next. */
  moveTo(movedMs: number): void {
    const byMs = movedMs - this.#movedMs;
    this.#movedMs = movedMs;
    if (byMs <= 0) return;
    this.#aheadMs += byMs;
    for (const timer of [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)) {
      timer.cancel();
      this.#arm(timer);
    }
  }

  #arm(timer: Timer): void {
    timer.cancel = this.#base.after(timer.dueMs - this.monotonic(), () => {
      // Timers of Node.js end early if their delay is too long for them, or by a fraction of a millisecond.
      if (timer.dueMs - this.monotonic() > 1) return this.#arm(timer);
      this.#timers.delete(timer);
      timer.callback();
    });
  }
}
