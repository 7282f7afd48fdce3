import type { Clock } from '../../../base/clock.ts';
import type { DueCallback, NewCallback } from '../../store/callbackStore.ts';
import { CallbackQueue } from '../../store/memory/callbackQueue.ts';
import { MemoryTables } from '../../store/memory/memoryTables.ts';
import { Refusal } from '../../wire/protocol.ts';

/** How many callbacks may wait. Source: docs/onprem/api-messaging.md §7.2. */
const LONGEST_QUEUE = 100_000;
/** Negative numbers, so that a number shows where its callback is kept. */
const DOWN = -1;

/** The callbacks of `callback_persist: false`. They are kept in memory only, and lost with the process. */
export class MemoryCallbacks {
  readonly #queue: CallbackQueue;

  constructor(clock: Clock) {
    this.#queue = new CallbackQueue(new MemoryTables().table('callbacks'), () => clock.monotonic(), DOWN);
  }

  get size(): number {
    return this.#queue.size;
  }

  /** @throws Refusal 1016 when the queue is full: the servers keep the event, and deliver it again */
  add(callback: NewCallback): void {
    if (this.size >= LONGEST_QUEUE) throw new Refusal(1016, 'the callback queue is full');
    this.#queue.add(callback);
  }

  due(limit: number, except: { has(seq: number): boolean }): DueCallback[] {
    return this.#queue.due(limit, except);
  }

  remove(seqs: readonly number[]): void {
    for (const seq of seqs) this.#queue.remove(seq);
  }

  postpone(callback: Pick<DueCallback, 'seq' | 'about'>, attempts: number, delayMs: number): void {
    this.#queue.postpone(callback, attempts, delayMs);
  }

  clear(): void {
    this.#queue.move(() => undefined);
  }
}
