import type { Clock } from './clock.ts';

/**
 * Deadlines of many short tasks, with one timer for all of them: a timer for each would cost as much as the task. The timer
 * runs on when all tasks are done, until the first deadline that was set.
 */
export class Deadlines<T> {
  readonly #clock: Clock;
  readonly #onLate: (task: T) => void;
  readonly #dueMs = new Map<T, number>();
  #nextMs = Number.POSITIVE_INFINITY;
  #cancel = () => {};

  constructor(clock: Clock, onLate: (task: T) => void) {
    this.#clock = clock;
    this.#onLate = onLate;
  }

  add(task: T, delayMs: number): void {
    const dueMs = this.#clock.monotonic() + delayMs;
    this.#dueMs.set(task, dueMs);
    if (dueMs < this.#nextMs) this.#wait(dueMs);
  }

  /** The task is done. */
  delete(task: T): void {
    this.#dueMs.delete(task);
  }

  close(): void {
    this.#cancel();
    this.#dueMs.clear();
    this.#nextMs = Number.POSITIVE_INFINITY;
  }

  #wait(untilMs: number): void {
    this.#cancel();
    this.#nextMs = untilMs;
    this.#cancel = this.#clock.after(untilMs - this.#clock.monotonic(), () => this.#look());
  }

  #look(): void {
    this.#nextMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonic();
    const late: T[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [task, dueMs] of this.#dueMs) {
      if (dueMs <= nowMs) late.push(task);
      else nextMs = Math.min(nextMs, dueMs);
    }
    for (const task of late) this.#dueMs.delete(task);
    if (nextMs < Number.POSITIVE_INFINITY) this.#wait(nextMs);
    for (const task of late) this.#onLate(task);
  }
}
