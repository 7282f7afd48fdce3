interface Waiting<I, O> {
  readonly item: I;
  readonly resolve: (result: O) => void;
  readonly reject: (error: unknown) => void;
}

export interface BatchLimits<I> {
  /** Items in a batch. */
  readonly most: number;
  /** The weight of an item, such as its bytes, and what the items of a batch may weigh together. */
  readonly weigh: (item: I) => number;
  readonly mostWeight: number;
  /**
   * The shortest time between the starts of two flushes, so that few items do not cost as much as many. An item that comes
   * after a pause does not wait.
   */
  readonly everyMs: number;
  /** Less of that time after a small flush: so much for each of its items. Whoever adds one by one hardly waits. */
  readonly everyMsByItem: number;
}

/**
 * Group commit: items that arrive during a flush share the next one. `flush` gets all of them and resolves when they are
 * committed; each caller waits for the commit of its item.
 */
export class Batcher<I, O = void> {
  readonly #flush: (items: readonly I[]) => Promise<readonly O[] | undefined>;
  readonly #limits: BatchLimits<I>;
  #waiting: Waiting<I, O>[] = [];
  #active: Promise<void> | undefined;
  #flushedAtMs = Number.NEGATIVE_INFINITY;
  #flushed = 0;

  constructor(
    flush: (items: readonly I[]) => Promise<readonly O[] | undefined>,
    limits: Partial<BatchLimits<I>> = {},
  ) {
    this.#flush = flush;
    this.#limits = {
      most: 500,
      weigh: () => 0,
      mostWeight: Number.POSITIVE_INFINITY,
      everyMs: 0,
      everyMsByItem: Number.POSITIVE_INFINITY,
      ...limits,
    };
  }

  add(item: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#active ??= this.#run();
    });
  }

  /** Resolves when all items are committed. */
  async idle(): Promise<void> {
    await this.#active;
  }

  /** How many items fit into the next batch: one at least, however heavy. */
  #fitting(): number {
    const { most, weigh, mostWeight } = this.#limits;
    let weight = 0;
    let count = 0;
    for (const { item } of this.#waiting) {
      weight += weigh(item);
      if (count > 0 && (count >= most || weight > mostWeight)) break;
      count += 1;
    }
    return count;
  }

  async #pace(): Promise<void> {
    const { most, everyMs, everyMsByItem } = this.#limits;
    const pauseMs = this.#flushed === 0 ? 0 : Math.min(everyMs, this.#flushed * everyMsByItem);
    const waitMs = this.#flushedAtMs + pauseMs - performance.now();
    if (waitMs > 0 && this.#waiting.length < most)
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    this.#flushedAtMs = performance.now();
  }

  async #run(): Promise<void> {
    // Items that arrive in this turn of the event loop share the batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      await this.#pace();
      const batch = this.#waiting.splice(0, this.#fitting());
      this.#flushed = batch.length;
      try {
        const results = await this.#flush(batch.map(({ item }) => item));
        for (const [index, { resolve }] of batch.entries()) resolve(results?.[index] as O);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    // Set in the same turn as the last check, because a caller that was just answered may add the next item.
    this.#active = undefined;
  }
}
