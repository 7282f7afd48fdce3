import type { Clock } from './clock.ts';

/** A clock for tests and simulations that moves only with `advance`. */
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

  /** Moves the clock, fires timers in order, and lets promises settle after each. */
  async advance(byMs: number): Promise<void> {
    const end = this.#time + byMs;
    await settle();
    for (;;) {
      const next = this.#earliest();
      if (!next || next.at > end) break;
      this.#timers.delete(next.id);
      this.#time = next.at;
      next.callback();
      await settle();
    }
    this.#time = end;
  }

  /** The next timer; of several for the same time, the one that was set first, which is first in the map. */
  #earliest(): { id: number; at: number; callback: () => void } | undefined {
    let earliest: { id: number; at: number; callback: () => void } | undefined;
    for (const [id, { at, callback }] of this.#timers)
      if (!earliest || at < earliest.at) earliest = { id, at, callback };
    return earliest;
  }
}

/** Lets resolved promises run their callbacks. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
