import type { CallbackStore, DueCallback } from '../callbackStore.ts';
import type { CallbackQueue } from './callbackQueue.ts';
import type { MemoryTables } from './memoryTables.ts';

/** How far a delay may be beyond the longest one before the clock is blamed. */
const SLACK_MS = 5_000;

/** Callbacks in memory that wait for their receiver. `MemoryMessageStore` adds them. */
export class MemoryCallbackStore implements CallbackStore {
  readonly #tables: MemoryTables;
  readonly #queue: CallbackQueue;

  constructor(tables: MemoryTables, queue: CallbackQueue) {
    this.#tables = tables;
    this.#queue = queue;
  }

  async due(shard: number, limit: number, except: readonly number[]): Promise<DueCallback[]> {
    return this.#queue.due(limit, new Set(except), shard);
  }

  async hasten(_: number, longestDelayMs: number): Promise<void> {
    this.#queue.hasten(longestDelayMs + SLACK_MS);
    await this.#tables.commit();
  }

  async remove(seqs: readonly number[]): Promise<void> {
    for (const seq of seqs) this.#queue.remove(seq);
    await this.#tables.commit();
  }

  async postpone(
    callback: Pick<DueCallback, 'seq' | 'about'>,
    attempts: number,
    delayMs: number,
  ): Promise<void> {
    this.#queue.postpone(callback, attempts, delayMs);
    await this.#tables.commit();
  }

  idle(): Promise<void> {
    return this.#tables.commit();
  }
}
