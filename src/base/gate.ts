import { CodedError } from './codedError.ts';

/** Lets a few tasks run at a time; the others wait in order, and too many of them are turned away. */
export class Gate {
  readonly #atOnce: number;
  readonly #longestQueue: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor({ atOnce, longestQueue }: { readonly atOnce: number; readonly longestQueue: number }) {
    this.#atOnce = atOnce;
    this.#longestQueue = longestQueue;
  }

  /** @throws CodedError `Busy`; whatever the task throws */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#atOnce) this.#running += 1;
    else {
      if (this.#waiting.length >= this.#longestQueue)
        throw new CodedError('Busy', `${this.#longestQueue} others wait for the same`);
      // Whoever leaves hands its place over, so the count stays.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
