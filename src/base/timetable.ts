import type { Clock } from './clock.ts';

interface Entry {
  /** By the monotonic time of the clock. */
  readonly dueMs: number;
  /** Those that are due at the same time are called in the order in which they were added. */
  readonly order: number;
  readonly callback: () => void;
}

/**
 * Calls back many times, with one timer for all of them: a timer and its cancellation for each would cost more than what the
 * callback does.
 */
export class Timetable {
  readonly #clock: Clock;
  /** A heap: no entry is due before the one at half its index. The first place stays empty. */
  #heap: (Entry | undefined)[] = [undefined];
  #added = 0;
  /** Counts how often all callbacks were forgotten. */
  #cleared = 0;
  #timerMs = Number.POSITIVE_INFINITY;
  #cancel = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many callbacks are to come. */
  get size(): number {
    return this.#heap.length - 1;
  }

  /** Calls back once after `delayMs`, and never before this turn is over. A callback must not throw. */
  after(delayMs: number, callback: () => void): void {
    const dueMs = this.#clock.monotonic() + Math.max(0, delayMs);
    this.#rise({ dueMs, order: this.#added++, callback });
    if (dueMs < this.#timerMs) this.#wait(dueMs);
  }

  /** Forgets all callbacks. */
  clear(): void {
    this.#heap = [undefined];
    this.#cleared += 1;
    this.#cancel();
    this.#timerMs = Number.POSITIVE_INFINITY;
  }

  #wait(untilMs: number): void {
    this.#cancel();
    this.#timerMs = untilMs;
    this.#cancel = this.#clock.after(untilMs - this.#clock.monotonic(), () => this.#call());
  }

  #call(): void {
    this.#timerMs = Number.POSITIVE_INFINITY;
    // Timers count in whole milliseconds, and may end a little early.
    const nowMs = this.#clock.monotonic() + 0.5;
    const due: Entry[] = [];
    for (let next = this.#heap[1]; next && next.dueMs <= nowMs; next = this.#heap[1]) {
      due.push(next);
      this.#dropFirst();
    }
    const next = this.#heap[1];
    if (next) this.#wait(next.dueMs);
    const cleared = this.#cleared;
    for (const { callback } of due) if (cleared === this.#cleared) callback();
  }

  #rise(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    for (let above = at >> 1; at > 1 && isBefore(entry, heap[above]); above = at >> 1) {
      heap[at] = heap[above];
      at = above;
    }
    heap[at] = entry;
  }

  #dropFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 1) return;
    let at = 1;
    for (let below = 2; below < heap.length; below = at * 2) {
      const right = heap[below + 1];
      if (right && isBefore(right, heap[below])) below += 1;
      if (!isBefore(heap[below] as Entry, last)) break;
      heap[at] = heap[below];
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(one: Entry, other: Entry | undefined): boolean {
  if (!other) return true;
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}
