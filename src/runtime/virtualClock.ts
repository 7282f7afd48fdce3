import type { Clock } from './clock.ts';

/** A clock that only moves when told to: for tests and simulations. */
export class VirtualClock implements Clock {
  #time: number;
  #order = 0;
  readonly #timers = new Map<number, { at: number; callback: () => void }>();

  constructor(startMs = 0) {
    this.#time = startMs;
  }

  now(): number {
    return this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  after(delayMs: number, callback: () => void): () => void {
    const id = this.#order++;
    this.#timers.set(id, { at: this.#time + Math.max(0, delayMs), callback });
    return () => this.#timers.delete(id);
  }

  /** Moves on, firing timers in order and letting promises settle after each. */
  async advance(byMs: number): Promise<void> {
    const end = this.#time + byMs;
    await settle();
    for (;;) {
      const next = [...this.#timers].sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
      if (!next || next[1].at > end) break;
      this.#timers.delete(next[0]);
      this.#time = next[1].at;
      next[1].callback();
      await settle();
    }
    this.#time = end;
  }
}

/** Lets everything that is already resolved run. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
